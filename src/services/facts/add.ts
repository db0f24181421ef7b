import { factNamespace } from '../../domain/fact-namespace.ts';
import type { FactSource } from '../../domain/facts.ts';
import { timestamp } from '../../domain/times.ts';
import type { Store } from '../../store/port.ts';
import type { createAppend } from '../append.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { ServiceError } from '../errors.ts';
import { sessionNotFound } from '../not-found.ts';
import { nameKey } from './entity-names.ts';
import { type FactPlace, findMarked, type ResolvedEntity, resolveEntities } from './lookup.ts';
import {
  entityMessage,
  factMessage,
  factUuid,
  overlaps,
  relationMarker,
  type StoredFact,
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

/** The messages that say the facts of a call. */
export interface NewSource {
  session_id: string;
  uuids: readonly string[];
}

/** What became of one fact of a call. */
export interface AddedFact {
  fact: StoredFact;
  status: 'created' | 'existing';
  /** The names of the entities that it has created. */
  new_entities: string[];
  /** Facts that were left alone although they may contradict it. */
  conflicts: StoredFact[];
}

type Append = ReturnType<typeof createAppend>;

/** A fact of a call with its entities. */
interface Planned {
  fact: StoredFact;
  entities: ResolvedEntity[];
  supersedes: readonly string[];
}

/**
 * Returns a function that adds facts about a user, with their entities, in one atomic append.
 *
 * @param append appends to the session of the facts
 */
export function createAddFacts(deps: Dependencies, append: Append) {
  return async (
    caller: Caller,
    place: FactPlace,
    owner: string,
    facts: readonly NewFact[],
    source: NewSource | undefined,
  ): Promise<AddedFact[]> => {
    const { store, user_id } = place;
    const sources = source && (await sourcesOf(deps, caller, store, user_id, source));
    const names = facts.flatMap(({ subject, object }) => [subject, object]);
    const entities = await resolveEntities(place, owner, names);
    const now = timestamp(deps.now());
    const planned = facts.map((one) => plan(one, entities, sources, now));
    const relations = planned.map(({ fact }) => relationMarker(fact.subject.uuid, fact.predicate));
    const known = await findMarked(place, relations);
    const ended = await endedFacts(place, planned, now);
    const existing = new Set<string>();
    const results = planned.map((one, i): AddedFact => {
      const others = (known.get(relations[i] as string) ?? []).flatMap((message) => {
        const other = toFact(message);
        return other === undefined || ended.has(other.uuid) ? [] : [other];
      });
      const same = others.find(({ uuid }) => uuid === one.fact.uuid);
      const repeated = existing.has(one.fact.uuid);
      existing.add(one.fact.uuid);
      return {
        fact: same ?? one.fact,
        status: same === undefined && !repeated ? 'created' : 'existing',
        new_entities: one.entities.filter(({ exists }) => !exists).map(({ name }) => name),
        conflicts: others.filter((other) => contradicts(other, one.fact)),
      };
    });
    const created = results.filter(({ status }) => status === 'created').map(({ fact }) => fact);
    const newEntities = [...entities.values()].filter(({ exists }) => !exists);
    const messages = [
      ...newEntities.map((one) => entityMessage(one)),
      ...created.map(factMessage),
      ...[...ended.values()].map(factMessage),
    ];
    if (messages.length > 0) await append(caller, user_id, messages, user_id);
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
  const { predicate, fact, valid_at, invalid_at } = stated;
  return {
    fact: {
      uuid: factUuid(subject.uuid, predicate, object.uuid, fact, valid_at),
      subject: { uuid: subject.uuid, name: subject.name },
      ...{ predicate, fact, created_at: now },
      object: { uuid: object.uuid, name: object.name },
      ...(valid_at !== undefined && { valid_at }),
      ...(invalid_at !== undefined && { invalid_at }),
      ...(sources !== undefined && { sources }),
    },
    entities: [subject, object],
    supersedes,
  };
}

/** The same subject and predicate, another object, and a time in common. Which of them is right, the caller knows. */
const contradicts = (other: StoredFact, fact: StoredFact): boolean =>
  other.uuid !== fact.uuid && other.object.uuid !== fact.object.uuid && overlaps(other, fact);

/**
 * The facts that end with facts of the call, as they are then.
 *
 * @throws ServiceError NOT_FOUND if one of them does not exist
 */
async function endedFacts(
  { store, namespace, user_id }: FactPlace,
  planned: readonly Planned[],
  now: string,
): Promise<Map<string, StoredFact>> {
  const enders = new Map(
    planned.flatMap(({ fact, supersedes }) => supersedes.map((uuid) => [uuid, fact] as const)),
  );
  const found = await Promise.all(
    [...enders].map(async ([uuid, ender]) => {
      const scope = { namespace: factNamespace(namespace) };
      const { message } = await store.messages.find(scope, user_id, uuid);
      return { uuid, ender, fact: message && toFact(message) };
    }),
  );
  const missing = found.filter(({ fact }) => fact === undefined).map(({ uuid }) => uuid);
  if (missing.length > 0) throw new ServiceError({ kind: 'facts_not_found', uuids: missing });
  return new Map(
    found.map(({ uuid, ender, fact }) => {
      const old = fact as StoredFact;
      const end = ender.valid_at ?? now;
      const invalid_at =
        old.invalid_at !== undefined && old.invalid_at < end ? old.invalid_at : end;
      return [uuid, { ...old, invalid_at, expired_at: now, superseded_by: ender.uuid }];
    }),
  );
}

/**
 * The messages that a call names as its source.
 *
 * @throws ServiceError NOT_FOUND if one of them is missing, or of another user
 */
async function sourcesOf(
  deps: Dependencies,
  caller: Caller,
  store: Store,
  user_id: string,
  { session_id, uuids }: NewSource,
): Promise<FactSource[]> {
  const found = await Promise.all(
    uuids.map((uuid) => store.messages.find(caller, session_id, uuid)),
  );
  const session = found[0]?.session;
  const isForeign = session?.user_id !== undefined && session.user_id !== user_id;
  if (session === undefined || session.deleted_at !== undefined || isForeign) {
    throw await sessionNotFound(deps, caller, store, session_id, isForeign ? undefined : session);
  }
  const missing = uuids.filter((_, i) => found[i]?.message === undefined);
  if (missing.length > 0) {
    throw new ServiceError({ kind: 'messages_not_found', session_id, uuids: missing });
  }
  return uuids.map((uuid) => ({ session_id, uuid }));
}
