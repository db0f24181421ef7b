import { z } from 'zod';
import { type Entity, entity, type FactSource, fact } from '../../domain/facts.ts';
import { cutPage } from '../../domain/pagination.ts';
import type { AddedFact } from '../../services/facts/add.ts';
import type { StoredFact } from '../../services/facts/statements.ts';

export const INCLUDE_ENDED = 'Also facts that no longer hold, or not yet.';

/** A fact as answers show it: without what only programs look at. */
export const shownFact = fact.omit({ created_at: true, expired_at: true, sources: true }).extend({
  sources: z
    .array(z.strictObject({ session_id: z.string(), uuids: z.array(z.string()) }))
    .optional()
    .meta({ description: 'The messages that say it.' }),
});

/** Shows a fact with the names of its entities. */
export function showFact(stored: StoredFact): z.output<typeof shownFact> {
  const { uuid, subject, predicate, object, sources = [], ...rest } = stored;
  const { created_at: _, expired_at: __, ...said } = rest;
  return {
    ...{ uuid, subject: subject.name, predicate, object: object.name, ...said },
    ...(sources.length > 0 && { sources: bySession(sources) }),
  };
}

export const shownEntity = entity.omit({ created_at: true, updated_at: true });

export function showEntity(stored: Entity): z.output<typeof shownEntity> {
  const { created_at: _, updated_at: __, ...rest } = stored;
  return rest;
}

/** Messages by their sessions: the identifier of a session may be long. */
function bySession(sources: readonly FactSource[]) {
  const sessions = new Map<string, string[]>();
  for (const { session_id, uuid } of sources) {
    sessions.set(session_id, [...(sessions.get(session_id) ?? []), uuid]);
  }
  return [...sessions].map(([session_id, uuids]) => ({ session_id, uuids }));
}

/** What became of the facts of a call, as `add_facts` answers. */
export const shownAddition = z.strictObject({
  facts: z.array(
    z.strictObject({
      uuid: z.string(),
      status: z.enum(['created', 'existing']),
      conflicts: z
        .array(z.string())
        .optional()
        .meta({ description: 'Facts that may contradict it. They were left as they are.' }),
    }),
  ),
  known: z
    .array(shownFact)
    .optional()
    .meta({ description: 'The conflicts, and existing facts that are known otherwise.' }),
  new_entities: z.array(z.string()).optional(),
  advice: z.string().optional(),
});

/** The most that an answer shows of known facts, and of the names of entities, in bytes of JSON. */
const KNOWN_MAX_BYTES = 40_000;
const NAMES_MAX_BYTES = 20_000;

/** Shows what became of the facts of a call: each known fact and each name once. */
export function showAddition(added: readonly AddedFact[]): z.input<typeof shownAddition> {
  const differing = added.filter(({ differs }) => differs).map(({ fact: known }) => known);
  const others = [...differing, ...added.flatMap(({ conflicts }) => conflicts)];
  const stated = new Set(added.filter(({ status }) => status === 'created').map(uuidOf));
  const unique = new Map(
    others.filter(({ uuid }) => !stated.has(uuid)).map((one) => [one.uuid, one]),
  );
  const known = cutPage(
    [...unique.values()].map(showFact),
    Number.POSITIVE_INFINITY,
    KNOWN_MAX_BYTES,
  );
  const names = [...new Set(added.flatMap(({ new_entities }) => new_entities))];
  const shownNames = cutPage(names, Number.POSITIVE_INFINITY, NAMES_MAX_BYTES);
  const left = unique.size - known.page.length;
  return {
    facts: added.map(({ fact: { uuid }, status, conflicts }) => ({
      ...{ uuid, status },
      ...(conflicts.length > 0 && { conflicts: conflicts.map((one) => one.uuid) }),
    })),
    ...(known.page.length > 0 && { known: known.page }),
    ...(names.length > 0 && { new_entities: shownNames.page }),
    ...((left > 0 || shownNames.cut) && {
      advice: `Not shown: ${left} known facts and ${names.length - shownNames.page.length} new entities. search_facts with entity shows them.`,
    }),
  };
}

const uuidOf = ({ fact: { uuid } }: AddedFact) => uuid;
