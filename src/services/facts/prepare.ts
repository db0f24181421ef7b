import type { FactSource } from '../../domain/facts.ts';
import type { Message } from '../../domain/records.ts';
import { type Contradiction, contradictedFacts } from './contradictions.ts';
import { type Ender, endedFacts } from './ended.ts';
import { type EntityDetail, entitiesToStore } from './entity-details.ts';
import { nameKey, shownName } from './entity-names.ts';
import { overlaps } from './fact-times.ts';
import { type FactPlace, findMarked, type ResolvedEntity, resolveEntities } from './lookup.ts';
import { namedAt, type StoredSource, withSources } from './sources/stored-sources.ts';
import {
  type EntityRecord,
  factUuid,
  lacksMarkers,
  marker,
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

/** What is to be stored for the facts of a call, and what becomes of them. */
export interface PreparedFacts {
  results: AddedFact[];
  entities: EntityRecord[];
  /** Those that are new, and those that change. */
  facts: StoredFact[];
  /** The records with the markers that were asked for in addition, by marker. */
  known: ReadonlyMap<string, Message[]>;
}

/**
 * Finds out what facts and entities of a call are new, and which facts end. Changes nothing.
 *
 * @param owner the uuid of the user
 * @param also what is said of entities beside the facts, and the markers of other records that are looked up
 *   on the way
 * @throws ServiceError as `endedFacts`
 */
export async function prepareFacts(
  place: FactPlace,
  owner: string,
  facts: readonly SourcedFact[],
  now: string,
  also: { details?: readonly EntityDetail[]; markers?: readonly string[] } = {},
): Promise<PreparedFacts> {
  const { details = [], markers = [] } = also;
  const names = facts.flatMap(({ subject, object }) => [subject, object]);
  const detailed = details.map(({ name }) => name);
  const entities = await resolveEntities(place, owner, [...names, ...detailed]);
  const planned = facts.map((one) => plan(one, entities, now));
  const known = await findMarked(place, [
    ...planned.flatMap(({ fact }) => [
      ...[relationMarker(fact), marker('uuid', fact.uuid), statementMarker(fact)],
    ]),
    ...markers,
  ]);
  const messagesBy = (marker: string) => known.get(marker) ?? [];
  const knownBy = (marker: string) => messagesBy(marker).flatMap((one) => toFact(one) ?? []);
  /** The facts of the call so far, by uuid. */
  const stated = new Map<string, StoredFact>();
  const stable = planned.map((one) => {
    // A fact that was corrected is known by what it said before, and by what it says now.
    const found = [
      ...messagesBy(marker('uuid', one.fact.uuid)),
      ...messagesBy(statementMarker(one.fact)),
    ].find(({ metadata }) => metadata.kind === 'fact');
    const same = stated.get(one.fact.uuid) ?? (found && toFact(found));
    const { sources } = one.fact;
    const fact = same === undefined ? one.fact : withMoreSources(same, sources);
    stated.set(fact.uuid, fact);
    const isIncomplete = sources !== undefined && found !== undefined && lacksMarkers(found);
    return {
      ...{ ...one, fact, relation: relationMarker(fact), stated: one.fact },
      ...{ isNew: same === undefined, isWritten: fact !== same || isIncomplete },
    };
  });
  const contradicted = await contradictedFacts(place, stable, now);
  const settled = stable.map((one) => ({
    ...one,
    fact: withMoreSources(contradicted.get(one.fact.uuid) ?? one.fact, one.fact.sources),
  }));
  const ended = new Map([...(await endedFacts(place, settled, now)), ...contradicted]);
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
  const written = new Map(
    settled.filter(({ isWritten }) => isWritten).map(({ fact }) => [fact.uuid, fact]),
  );
  for (const fact of ended.values()) {
    if (fact.expired_at !== now) continue;
    written.set(fact.uuid, withMoreSources(fact, written.get(fact.uuid)?.sources));
  }
  return {
    ...{ results, known },
    entities: entitiesToStore(entities, mentioned, details),
    facts: [...written.values()],
  };
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
    ...(sources !== undefined && { sources: namedAt(now, sources) }),
  };
  return {
    ...{ fact: { uuid: factUuid(fact), ...fact }, entities: [subject, object] },
    ...{ supersedes, contradiction },
  };
}

/** @returns `fact` itself if it names these sources already */
function withMoreSources(fact: StoredFact, added: readonly StoredSource[] | undefined): StoredFact {
  const sources = withSources(fact.sources, added);
  return sources === undefined || sources === fact.sources ? fact : { ...fact, sources };
}

/** Whether a fact is known otherwise than it is stated now. */
const differs = (known: StoredFact, stated: StoredFact): boolean =>
  known.valid_at !== stated.valid_at ||
  known.invalid_at !== stated.invalid_at ||
  nameKey(known.fact) !== nameKey(stated.fact);

/** Of facts with the same subject and predicate: another object, and a time in common. Which of them is right, the caller knows. */
const contradicts = (other: StoredFact, fact: StoredFact): boolean =>
  other.object.uuid !== fact.object.uuid && overlaps(other, fact);
