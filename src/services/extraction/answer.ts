import { z } from 'zod';
import {
  entityLabels,
  entityName,
  entitySummary,
  FACTS_PER_CALL,
  factText,
  predicate,
} from '../../domain/facts.ts';
import { time } from '../../domain/records.ts';
import type { EntityDetail } from '../facts/entity-details.ts';
import { nameKey } from '../facts/entity-names.ts';
import { isReversed } from '../facts/fact-times.ts';

/** The most messages that one fact names, and the most facts that it contradicts. */
const NUMBERS_MAX = 20;

const numbers = z.array(z.int()).max(NUMBERS_MAX);

const answerSchema = z.object({
  entities: z
    .array(
      z.object({
        name: entityName,
        labels: entityLabels.nullish(),
        summary: entitySummary.nullish(),
      }),
    )
    .max(2 * FACTS_PER_CALL),
  facts: z
    .array(
      z.object({
        subject: entityName,
        predicate,
        object: entityName,
        fact: factText,
        valid_at: time().nullish(),
        invalid_at: time('end').nullish(),
        messages: numbers.min(1),
        contradicts: numbers.nullish(),
      }),
    )
    .max(FACTS_PER_CALL),
});

/** A fact of an answer, with places in the lists of what was asked instead of numbers. */
export interface AnsweredFact {
  subject: string;
  predicate: string;
  object: string;
  fact: string;
  valid_at?: string;
  invalid_at?: string;
  /** Places of messages in the batch. */
  messages: number[];
  /** Places of facts in the list of known ones. */
  contradicts: number[];
}

/**
 * What is wrong with an answer: it did not come to its end, is no JSON, or has another form; or a fact of it
 * names a message, a known fact or an entity that there is not, or ends before it begins.
 */
export type AnswerProblem =
  | 'incomplete'
  | 'not_json'
  | 'wrong_form'
  | 'unknown_message'
  | 'unknown_fact'
  | 'unknown_entity'
  | 'times_reversed';

/** What an answer is checked against. */
export interface Asked {
  messages: number;
  known_facts: number;
  /** The names of entities that the model was told. */
  entities: readonly string[];
}

export type CheckedAnswer =
  | { facts: AnsweredFact[]; entities: EntityDetail[] }
  | { problem: AnswerProblem };

/**
 * Checks the answer of a model. It is right or wrong as a whole: of an answer with one wrong fact, the others
 * are not to be trusted either.
 *
 * @param text what the model wrote; `undefined` if it did not come to an end
 */
export function checkAnswer(text: string | undefined, asked: Asked): CheckedAnswer {
  if (text === undefined) return { problem: 'incomplete' };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'not_json' };
  }
  const parsed = answerSchema.safeParse(json);
  if (!parsed.success) return { problem: 'wrong_form' };
  const { entities, facts } = parsed.data;
  const names = new Set(
    [...entities.map(({ name }) => name), ...asked.entities].map((name) => nameKey(name)),
  );
  const isWithin = (list: readonly number[], length: number) =>
    list.every((number) => number >= 1 && number <= length);
  const checked: AnsweredFact[] = [];
  for (const { valid_at, invalid_at, messages, contradicts, ...fact } of facts) {
    const contradicted = contradicts ?? [];
    if (!isWithin(messages, asked.messages)) return { problem: 'unknown_message' };
    if (!isWithin(contradicted, asked.known_facts)) return { problem: 'unknown_fact' };
    if (![fact.subject, fact.object].every((name) => names.has(nameKey(name)))) {
      return { problem: 'unknown_entity' };
    }
    const times = {
      ...(valid_at != null && { valid_at }),
      ...(invalid_at != null && { invalid_at }),
    };
    if (isReversed(times)) return { problem: 'times_reversed' };
    checked.push({
      ...{ ...fact, ...times },
      messages: placesOf(messages),
      contradicts: placesOf(contradicted),
    });
  }
  return { facts: checked, entities: entities.flatMap(detailOf) };
}

interface AnsweredEntity {
  name: string;
  labels?: string[] | null | undefined;
  summary?: string | null | undefined;
}

/** What is said of an entity beside its name, if anything is. */
const detailOf = ({ name, labels, summary }: AnsweredEntity): EntityDetail[] =>
  !labels?.length && !summary
    ? []
    : [{ name, ...(labels?.length && { labels }), ...(summary && { summary }) }];

/** Numbers begin with 1, and places with 0. */
const placesOf = (given: readonly number[]) => [...new Set(given)].map((number) => number - 1);

const text = { type: 'string' };
const optionalTime = {
  type: ['string', 'null'],
  description: 'RFC 3339, or a date, a month or a year; null if not said',
};
const list = (items: object) => ({ type: 'array', items });
const object = (properties: object) => ({
  ...{ type: 'object', properties },
  ...{ required: Object.keys(properties), additionalProperties: false },
});

/**
 * The form of the answer as JSON Schema. Only what every server understands that can hold a model to a
 * schema: all fields are required, and lengths and counts are checked afterwards.
 */
export const ANSWER_JSON_SCHEMA = object({
  entities: list(object({ name: text, labels: list(text), summary: { type: ['string', 'null'] } })),
  facts: list(
    object({
      ...{ subject: text, predicate: text, object: text, fact: text },
      ...{ valid_at: optionalTime, invalid_at: optionalTime },
      ...{ messages: list({ type: 'integer' }), contradicts: list({ type: 'integer' }) },
    }),
  ),
});
