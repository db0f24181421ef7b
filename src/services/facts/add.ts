import type { FactSource } from '../../domain/facts.ts';
import { timestamp } from '../../domain/times.ts';
import type { AddedMessage } from '../append.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Ender, endedFacts } from './ended.ts';
import { type EntityDetail, entitiesToStore } from './entity-details.ts';
import { nameKey, shownName } from './entity-names.ts';
import { type FactPlace, findMarked, type ResolvedEntity, resolveEntities } from './lookup.ts';
import { type NewSource, sourcesOf } from './sources.ts';
import {
  assertTimes,
  entityMessage,
  factMessage,
  factUuid,
  marker,
  overlaps,
  relationMarker,
  type StoredFact,
  statementMarker,
  toFact,
} from './statements.ts';

/** A fact as a caller states it. */
export interface NewFact {
  subject: string;
  predicate: string;
  object: string;
  fact: string;
  valid_at?: string | undefined;
  invalid_at?: string | undefined;
  /** The uuids of facts that end with it. */
  supersedes?: readonly string[] | undefined;
}

/** What became of one fact of a call. */
export interface AddedFact {
  fact: StoredFact;
  status: 'created' | 'existing';
  /** Present if it exists, and is not known as it was stated: it was corrected, or has other times. */
  differs?: true;
  /** The names of the entities that it has created. */
  new_entities: string[];
  /** Facts that were left alone although they may contradict it, the newest first. */
  conflicts: StoredFact[];
}

/** Appends messages to the facts of a user. */
type Append = (
  caller: Caller,
  user_id: string,
  messages: readonly AddedMessage[],
) => Promise<unknown>;

/** How many conflicts of one fact are named. */
const CONFLICTS_MAX = 5;

/** A fact of a call with its entities. */
interface Planned extends Ender {
  entities: ResolvedEntity[];
}

/**
 * Returns a function that adds facts about a user, with their entities, in one atomic append.
 */
export function createAddFacts(deps: Dependencies, append: Append) {
  return async (
    caller: Caller,
    place: FactPlace,
    owner: string,
    facts: readonly NewFact[],
    source: NewSource | undefined,
    details: readonly EntityDetail[],
  ): Promise<AddedFact[]> => {
    const { store, user_id } = place;
    for (const [index, one] of facts.entries()) assertTimes(one, index);
    const sources = source && (await sourcesOf(deps, caller, store, user_id, source));
    const names = facts.flatMap(({ subject, object }) => [subject, object]);
    const detailed = details.map(({ name }) => name);
    const entities = await resolveEntities(place, owner, [...names, ...detailed]);
    const now = timestamp(deps.now());
    const planned = facts.map((one) => plan(one, entities, sources, now));
    const known = await findMarked(
      place,
      planned.flatMap(({ fact }) => [
        ...[relationMarker(fact), marker('uuid', fact.uuid), statementMarker(fact)],
      ]),
    );
    const knownBy = (marker: string) =>
      (known.get(marker) ?? []).flatMap((one) => toFact(one) ?? []);
    /** The facts of the call so far, by uuid. */
    const stated = new Map<string, StoredFact>();
    const settled = planned.map((one) => {
      // A fact that was corrected is known by what it said before, and by what it says now.
      const [same = stated.get(one.fact.uuid)] = [
        ...knownBy(marker('uuid', one.fact.uuid)),
        ...knownBy(statementMarker(one.fact)),
      ];
      const fact = same ?? one.fact;
      stated.set(fact.uuid, fact);
      const relation = relationMarker(fact);
      return { ...one, fact, relation, isNew: same === undefined, stated: one.fact };
    });
    const ended = await endedFacts(place, settled, now);
    const mentioned = new Set<string>();
    const results = settled.map((one, i): AddedFact => {
      const { fact, relation, isNew, entities: two } = one;
      const earlier = settled
        .slice(0, i)
        .filter((other) => other.isNew && other.relation === relation)
        .map((other) => other.fact);
      const others = [...earlier.reverse(), ...knownBy(relation)];
      const created = two.filter(({ exists, uuid }) => !exists && !mentioned.has(uuid));
      for (const { uuid } of two) mentioned.add(uuid);
      return {
        fact: ended.get(fact.uuid) ?? fact,
        status: isNew ? 'created' : 'existing',
        ...(!isNew && differs(fact, one.stated) && { differs: true }),
        new_entities: [...new Set(created.map(({ name }) => name))],
        conflicts: others
          .filter((other) => !ended.has(other.uuid) && contradicts(other, fact))
          .slice(0, CONFLICTS_MAX),
      };
    });
    const changed = [...ended.values()].filter(({ expired_at }) => expired_at === now);
    const messages = [
      ...entitiesToStore(entities, mentioned, details).map(entityMessage),
      ...settled.filter(({ isNew }) => isNew).map(({ fact }) => factMessage(fact)),
      ...changed.map(factMessage),
    ];
    if (messages.length > 0) await append(caller, user_id, messages);
    return results;
  };
}

function plan(
  { supersedes = [], ...stated }: NewFact,
  entities: ReadonlyMap<string, ResolvedEntity>,
  sources: FactSource[] | undefined,
  now: string,
): Planned {
  const subject = entities.get(nameKey(stated.subject)) as ResolvedEntity;
  const object = entities.get(nameKey(stated.object)) as ResolvedEntity;
  const { valid_at, invalid_at } = stated;
  const fact = {
    subject: { uuid: subject.uuid, name: subject.name },
    predicate: shownName(stated.predicate),
    object: { uuid: object.uuid, name: object.name },
    fact: stated.fact.trim(),
    created_at: now,
    ...(valid_at !== undefined && { valid_at }),
    ...(invalid_at !== undefined && { invalid_at }),
    ...(sources !== undefined && { sources }),
  };
  return { fact: { uuid: factUuid(fact), ...fact }, entities: [subject, object], supersedes };
}

/** Whether a fact is known otherwise than it is stated now. */
const differs = (known: StoredFact, stated: StoredFact): boolean =>
  known.valid_at !== stated.valid_at ||
  known.invalid_at !== stated.invalid_at ||
  nameKey(known.fact) !== nameKey(stated.fact);

/** Of facts with the same subject and predicate: another object, and a time in common. Which of them is right, the caller knows. */
const contradicts = (other: StoredFact, fact: StoredFact): boolean =>
  other.object.uuid !== fact.object.uuid && overlaps(other, fact);
