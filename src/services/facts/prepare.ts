import type { FactSource } from '../../domain/facts.ts';
import type { Message } from '../../domain/records.ts';
import type { AddedMessage } from '../append.ts';
import { type Contradiction, contradictedFacts } from './contradictions.ts';
import { type Ender, endedFacts } from './ended.ts';
import { nameKey, shownName } from './entity-names.ts';
import { type FactPlace, findMarked, type ResolvedEntity, resolveEntities } from './lookup.ts';
import {
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

/** A fact with what is known of how it came to be known. */
export interface SourcedFact extends NewFact {
  /** The messages that say it, which are known to be there. */
  sources?: readonly FactSource[] | undefined;
  /** What it contradicts, by whoever states it, and according to rules. */
  contradiction?: Contradiction | undefined;
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

/** How many conflicts of one fact are named. */
const CONFLICTS_MAX = 5;

/** A fact of a call with its entities. */
interface Planned extends Ender {
  entities: ResolvedEntity[];
  contradiction: Contradiction | undefined;
}

/** What is to be appended for the facts of a call, and what becomes of them. */
export interface PreparedFacts {
  results: AddedFact[];
  /** Empty if all is known. */
  messages: AddedMessage[];
  /** The records with the markers that were asked for in addition, by marker. */
  known: ReadonlyMap<string, Message[]>;
}

/**
 * Finds out what facts and entities of a call are new, and which facts end. Changes nothing.
 *
 * @param owner the uuid of the user
 * @param markers of other records that are looked up on the way
 * @throws ServiceError as `endedFacts`
 */
export async function prepareFacts(
  place: FactPlace,
  owner: string,
  facts: readonly SourcedFact[],
  now: string,
  markers: readonly string[] = [],
): Promise<PreparedFacts> {
  const names = facts.flatMap(({ subject, object }) => [subject, object]);
  const entities = await resolveEntities(place, owner, names);
  const planned = facts.map((one) => plan(one, entities, now));
  const known = await findMarked(place, [
    ...planned.flatMap(({ fact }) => [
      ...[relationMarker(fact), marker('uuid', fact.uuid), statementMarker(fact)],
    ]),
    ...markers,
  ]);
  const knownBy = (marker: string) => (known.get(marker) ?? []).flatMap((one) => toFact(one) ?? []);
  /** The facts of the call so far, by uuid. */
  const stated = new Map<string, StoredFact>();
  const stable = planned.map((one) => {
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
  const contradicted = await contradictedFacts(place, stable, now);
  const settled = stable.map((one) => ({
    ...one,
    fact: contradicted.get(one.fact.uuid) ?? one.fact,
  }));
  const ended = new Map([...(await endedFacts(place, settled, now)), ...contradicted]);
  const isMentioned = new Set<string>();
  const results = settled.map((one, i): AddedFact => {
    const { fact, relation, isNew, entities: two } = one;
    const earlier = settled
      .slice(0, i)
      .filter((other) => other.isNew && other.relation === relation)
      .map((other) => other.fact);
    const others = [...earlier.reverse(), ...knownBy(relation)];
    const created = two.filter(({ exists, uuid }) => !exists && !isMentioned.has(uuid));
    for (const { uuid } of two) isMentioned.add(uuid);
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
  const fresh = new Set(settled.filter(({ isNew }) => isNew).map(({ fact }) => fact.uuid));
  const changed = [...ended.values()].filter(
    ({ uuid, expired_at }) => expired_at === now && !fresh.has(uuid),
  );
  const newEntities = [...entities.values()].filter(({ exists }) => !exists);
  const messages = [
    ...uniqueBy(newEntities).map(entityMessage),
    ...settled.filter(({ isNew }) => isNew).map(({ fact }) => factMessage(fact)),
    ...changed.map(factMessage),
  ];
  return { results, messages, known };
}

function plan(
  { supersedes = [], sources, contradiction, ...stated }: SourcedFact,
  entities: ReadonlyMap<string, ResolvedEntity>,
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
    ...(sources !== undefined && { sources: [...sources] }),
  };
  return {
    ...{ fact: { uuid: factUuid(fact), ...fact }, entities: [subject, object] },
    ...{ supersedes, contradiction },
  };
}

/** Each entity once: two names of a call may be one. */
const uniqueBy = (entities: readonly ResolvedEntity[]) => [
  ...new Map(entities.map((one) => [one.uuid, one])).values(),
];

/** Whether a fact is known otherwise than it is stated now. */
const differs = (known: StoredFact, stated: StoredFact): boolean =>
  known.valid_at !== stated.valid_at ||
  known.invalid_at !== stated.invalid_at ||
  nameKey(known.fact) !== nameKey(stated.fact);

/** Of facts with the same subject and predicate: another object, and a time in common. Which of them is right, the caller knows. */
const contradicts = (other: StoredFact, fact: StoredFact): boolean =>
  other.object.uuid !== fact.object.uuid && overlaps(other, fact);
