import type { Filter } from 'mongodb';
import type { SeqRange } from '../../../domain/positions.ts';
import type { MessageDocument } from '../documents.ts';
import {
  findNewest,
  findRecent,
  type NewestMessages,
  recentSessions,
  type TermSearch,
} from './newest-messages.ts';
import { findLiveRanges, isLive, type LiveRanges, type MessageFilter } from './search-filter.ts';

/**
 * The time limit of the first query for a term, in the server. The index has a term's messages in order
 * of time, and a mongod reads no more of it than the query wants. A compatible server may read all
 * messages that have the term.
 */
const FIRST_QUERY_MS = 150;

/** The time limit of the last query for a term. */
const LAST_QUERY_MS = 1500;

/** How many terms are queried at once: one search with many must not fill the server's queues. */
const CONCURRENT_TERMS = 4;

/** How many queries to send for one term, where most of its newest messages are deleted. */
const MAX_SCANS = 8;

/** The live messages found for one term, newest first. */
export interface TermResult extends NewestMessages {
  live: LiveRanges;
}

/**
 * Finds the newest live messages for each term of the query.
 *
 * @param known the live messages of the scope, where they are known
 */
export async function findByTerms(
  search: TermSearch,
  known: LiveRanges | undefined,
): Promise<TermResult[]> {
  const { db, filter, query } = search;
  const newest = await newestForEach(search);
  const found = newest.flatMap((one) => one.found);
  const live = known ?? (await findLiveRanges(db, filter.namespace, found));
  return mapConcurrently(newest, (one, i) =>
    scanPastDeleted(search, query.terms[i] as string, one, live),
  );
}

/**
 * The newest messages for each term, live or not. Where the first query for a term takes too long, a
 * second one reads only the newest sessions, if the term is frequent there.
 */
async function newestForEach(search: TermSearch): Promise<NewestMessages[]> {
  const { filter, query } = search;
  const first = await mapConcurrently(query.terms, (term) =>
    findNewest(search, filter, term, FIRST_QUERY_MS),
  );
  if (!first.includes(undefined)) return first as NewestMessages[];
  const recent = await recentSessions(search);
  const again = async (term: string) =>
    (await findRecent(search, recent, term, LAST_QUERY_MS)) ??
    (await findNewest(search, filter, term, LAST_QUERY_MS)) ?? { found: [], cut: true };
  return mapConcurrently(query.terms, async (term, i) => first[i] ?? (await again(term)));
}

/** Maps a list in its order, `CONCURRENT_TERMS` entries at a time. */
async function mapConcurrently<T, R>(
  list: readonly T[],
  work: (entry: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < list.length; i = next++) results[i] = await work(list[i] as T, i);
  };
  await Promise.all(Array.from({ length: CONCURRENT_TERMS }, worker));
  return results;
}

/** Queries for older messages, without the deleted ones, where most of the newest are deleted. */
async function scanPastDeleted(
  search: TermSearch,
  term: string,
  first: NewestMessages,
  firstLive: LiveRanges,
): Promise<TermResult> {
  const { db, filter, query } = search;
  const dead = new Set<string>();
  const bounds = new Map<string, SeqRange>();
  let newest = first;
  let result = onlyLive(first, firstLive);
  for (let scans = 1; scans < MAX_SCANS; scans++) {
    if (!result.cut || result.found.length >= query.limit / 2) break;
    if (result.found.length === newest.found.length) break;
    // The scope is one session, which was deleted since the filter was made.
    if (filter.session_uuid !== undefined && !result.live.has(filter.session_uuid)) break;
    for (const one of newest.found) {
      const range = result.live.get(one.session_uuid);
      if (range === undefined) dead.add(one.session_uuid);
      else if (!isLive(one, result.live)) bounds.set(one.session_uuid, range);
    }
    const older = await findNewest(search, without(filter, dead, bounds), term, LAST_QUERY_MS);
    if (older === undefined) return { ...result, cut: true };
    newest = older;
    result = onlyLive(newest, await findLiveRanges(db, filter.namespace, newest.found));
  }
  return result;
}

const onlyLive = (newest: NewestMessages, live: LiveRanges): TermResult => ({
  ...newest,
  found: newest.found.filter((one) => isLive(one, live)),
  live,
});

/**
 * A filter without the messages of dead sessions, and without those outside the bounds of other
 * sessions: retired messages below, and above the messages of an unfinished append.
 */
function without(
  filter: MessageFilter,
  dead: ReadonlySet<string>,
  bounds: ReadonlyMap<string, SeqRange>,
): Filter<MessageDocument> {
  const outside = [...bounds].flatMap(([session_uuid, { first_seq, last_seq }]) => [
    { session_uuid, seq: { $lt: first_seq } },
    { session_uuid, seq: { $gt: last_seq } },
  ]);
  return {
    ...filter,
    ...(filter.session_uuid === undefined && { session_uuid: { $nin: [...dead] } }),
    ...(outside.length > 0 && { $nor: outside }),
  };
}
