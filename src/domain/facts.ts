import { z } from 'zod';
import { INVISIBLE } from './errors.ts';
import { text } from './identifiers.ts';
import { timestamp, uuid } from './records.ts';

/** What is known about a user: entities, and facts that relate them. */

const NAME_MAX_BYTES = 256;
const PREDICATE_MAX_BYTES = 128;
const FACT_MAX_BYTES = 2048;
const LABEL_MAX_BYTES = 64;
const LABELS_MAX = 10;
const SUMMARY_MAX_BYTES = 2048;

const UNSEEN = new RegExp(`\\s|${INVISIBLE.source}`, 'gu');

const blankProblem = (value: string): string | undefined =>
  value.replace(UNSEEN, '') === '' ? 'holds nothing that can be seen' : undefined;

export const entityName = text('The name', 1, NAME_MAX_BYTES, blankProblem);
export const predicate = text('The predicate', 1, PREDICATE_MAX_BYTES, blankProblem);
export const factText = text('The fact', 1, FACT_MAX_BYTES, blankProblem);
export const entityLabels = z
  .array(text('A label', 1, LABEL_MAX_BYTES, blankProblem))
  .max(LABELS_MAX)
  .meta({ description: `What kinds of things it is, such as Person. Up to ${LABELS_MAX}.` });
export const entitySummary = text('The summary', 0, SUMMARY_MAX_BYTES);

export const factUuid = uuid;

/** The most facts that one call adds, ends, deletes or restores. */
export const FACTS_PER_CALL = 100;

export const factUuids = z.array(factUuid).min(1).max(FACTS_PER_CALL);

/** A message that says a fact. */
export const factSource = z.strictObject({ session_id: z.string(), uuid: z.string() });
export type FactSource = z.infer<typeof factSource>;

/** A person, a place, or any other thing that facts are about. */
export const entity = z.strictObject({
  uuid: z.string(),
  name: z.string(),
  labels: z.array(z.string()).optional(),
  summary: z.string().optional(),
  created_at: timestamp,
  updated_at: timestamp,
});
export type Entity = z.infer<typeof entity>;

/** A statement about two entities. */
export const fact = z.strictObject({
  uuid: z.string(),
  subject: z.string(),
  predicate: z.string(),
  object: z.string(),
  fact: z.string(),
  valid_at: timestamp.optional(),
  invalid_at: timestamp.optional(),
  created_at: timestamp,
  expired_at: timestamp.optional().meta({ description: 'When it was ended by another fact.' }),
  superseded_by: z.string().optional(),
  sources: z.array(factSource).optional(),
});
export type Fact = z.infer<typeof fact>;
