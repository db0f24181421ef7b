import { derivedUuid } from '../../domain/derived-uuid.ts';
import type { FactSource } from '../../domain/facts.ts';
import { isObject, type Json, type JsonObject } from '../../domain/metadata.ts';
import type { Store } from '../../store/port.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { ServiceError } from '../errors.ts';
import { sessionNotFound } from '../not-found.ts';
import type { CoveredSession } from './coverage.ts';

/** The messages that say the facts of a call. */
export interface NewSource {
  session_id: string;
  uuids: readonly string[];
}

/** The messages that say facts, and up to which message their session has been read for them. */
export interface CheckedSource {
  sources: FactSource[];
  session: CoveredSession;
  through_seq: number;
}

/** How many messages a fact names that say it: those that were named last. */
const SOURCES_MAX = 20;

/** A message that says a fact, and when it was named. */
export interface StoredSource extends FactSource {
  at: string;
}

/**
 * The messages that a call names as its source. Their session has to be live, and the user's or nobody's.
 *
 * @param at the time of the call
 * @throws ServiceError NOT_FOUND if one of them is missing, or of another user
 */
export async function sourcesOf(
  deps: Dependencies,
  caller: Caller,
  store: Store,
  user_id: string,
  { session_id, uuids: given }: NewSource,
): Promise<CheckedSource> {
  const uuids = [...new Set(given)];
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
  return {
    sources: uuids.map((uuid) => ({ session_id, uuid })),
    session,
    through_seq: Math.max(...found.map(({ message }) => message?.seq ?? 0)),
  };
}

/** Sources as a fact stores them that is stated with them at a time. */
export const namedAt = (at: string, sources: readonly FactSource[]): StoredSource[] =>
  inOrder(sources.map((one) => ({ ...one, at })));

/** @returns `known` itself if it has all of them */
export function withSources(
  known: StoredSource[] | undefined,
  added: readonly StoredSource[] = [],
): StoredSource[] | undefined {
  const keys = new Set(known?.map(keyOf));
  const news = added.filter((one) => !keys.has(keyOf(one)));
  return news.length === 0 ? known : inOrder([...(known ?? []), ...news]);
}

/** Those that were named last, and are kept. */
export const keptSources = (sources: readonly StoredSource[] = []): StoredSource[] =>
  sources.slice(-SOURCES_MAX);

/**
 * Sources as a fact stores them: each has a key to itself, so that those of two calls at once are merged. Those
 * that are not kept are removed.
 */
export function sourcesPatch(sources: readonly StoredSource[]): JsonObject {
  const dropped = sources.slice(0, -SOURCES_MAX);
  return Object.fromEntries([
    ...dropped.map((one) => [keyOf(one), null]),
    ...keptSources(sources).map((one) => [keyOf(one), { ...one }]),
  ]);
}

/**
 * The sources that a fact has stored, the one that was named last at the end. Calls at once can leave more than
 * are kept; the next one removes them.
 *
 * @returns `undefined` if it has none
 */
export function readSources(stored: Json | undefined): StoredSource[] | undefined {
  if (!isObject(stored)) return undefined;
  const sources = Object.values(stored).filter(isObject) as (JsonObject & StoredSource)[];
  return sources.length === 0 ? undefined : inOrder(sources);
}

const keyOf = ({ session_id, uuid }: FactSource): string => derivedUuid('source', session_id, uuid);

/** Messages that one call names are in the order of their uuids, which is that of time. */
const inOrder = (sources: readonly StoredSource[]): StoredSource[] =>
  sources.toSorted((a, b) => compare(a.at, b.at) || compare(a.uuid, b.uuid));

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);
