import type { Filter } from 'mongodb';
import type { SeqRange } from '../../../domain/positions.ts';
import type { TermQuery } from '../../search-port.ts';
import type { MessageDocument } from '../documents.ts';
import {
  findNewest,
  findRecent,
  type NewestMessages,
  recentSessions,
  type Stretch,
  type TermSearch,
} from './newest-messages.ts';
import { createFilter, decodePlace, encodePlace, type FoundDocument, isReached } from './places.ts';
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

/** The messages found for one term that are live and wanted, newest first. */
export interface TermResult {
  found: FoundDocument[];
  live: LiveRanges;
  /** Where to go on; `null` if there are no more. */
  next: string | null;
}

/** Nothing is left of a term that an earlier query has gone through. */
const EXHAUSTED: NewestMessages = { found: [], cut: false };

/** No query for a term has ended in time. */
const TOO_SLOW: NewestMessages = { found: [], cut: true };

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
  const stretches = query.terms.map((_, i) => stretchOf(query, i));
  const newest = await newestForEach(search, stretches);
  const found = newest.flatMap((one) => one.found);
  const live = known ?? (await findLiveRanges(db, filter.namespace, found));
  const passes = createFilter(query);
  return mapConcurrently(newest, (one, i) => {
    const [term, stretch] = [query.terms[i] as string, stretches[i] as Stretch];
    return scanFurther(search, term, stretch, passes, one, live);
  });
}

/** The part of the order that the query goes along for a term. */
function stretchOf({ after, end }: TermQuery, index: number): Stretch {
  const placeOf = (positions: TermQuery['after']) => {
    const position = positions?.[index];
    return position == null ? undefined : decodePlace(position);
  };
  return { after: placeOf(after), end: placeOf(end) };
}

/**
 * The newest messages for each term, live or not. Where the first query for a term takes too long, a
 * second one reads only the newest sessions, if the term is frequent there.
 */
async function newestForEach(
  search: TermSearch,
  stretches: readonly Stretch[],
): Promise<NewestMessages[]> {
  const { filter, query } = search;
  const isExhausted = (index: number) => query.after?.[index] === null;
  const first = await mapConcurrently(query.terms, async (term, i) =>
    isExhausted(i)
      ? EXHAUSTED
      : findNewest(search, filter, term, FIRST_QUERY_MS, stretches[i] as Stretch),
  );
  if (!first.includes(undefined)) return first as NewestMessages[];
  const recent = query.after === undefined ? await recentSessions(search) : [];
  const again = async (term: string, i: number) =>
    (await findRecent(search, recent, term, LAST_QUERY_MS)) ??
    (await findNewest(search, filter, term, LAST_QUERY_MS, stretches[i] as Stretch)) ??
    TOO_SLOW;
  return mapConcurrently(query.terms, async (term, i) => first[i] ?? (await again(term, i)));
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

/** Goes further back, without deleted sessions, where few of a term's newest messages are wanted. */
async function scanFurther(
  search: TermSearch,
  term: string,
  stretch: Stretch,
  passes: (message: FoundDocument) => boolean,
  first: NewestMessages,
  firstLive: LiveRanges,
): Promise<TermResult> {
  const { db, filter, query } = search;
  const { limit } = query;
  const { end } = stretch;
  const isWanted = (one: FoundDocument) =>
    passes(one) && (end === undefined || isReached(one, end));
  // The first query does not exclude it: with a condition on sessions, some servers choose another index.
  const dead = new Set(query.exceptSession === undefined ? [] : [query.exceptSession]);
  const bounds = new Map<string, SeqRange>();
  const found: FoundDocument[] = [];
  const live = new Map<string, SeqRange>();
  let newest = first;
  let ranges = firstLive;
  let place = stretch.after;
  for (let scans = 1; ; scans++) {
    const looked = newest.found.slice(0, limit);
    const fresh = looked.filter((one) => isLive(one, ranges) && isWanted(one));
    for (const one of fresh.slice(0, limit - found.length)) {
      found.push(one);
      live.set(one.session_uuid, ranges.get(one.session_uuid) as SeqRange);
    }
    const isFull = found.length === limit && found.at(-1) !== fresh.at(-1);
    place = (isFull ? found : looked).at(-1) ?? place;
    if (!newest.cut && !isFull) return { found, live, next: null };
    // Only some sessions were read, so the next query starts where this one did.
    if (first.isPartial) return { found, live, next: encodePlace(stretch.after) };
    if (scans === MAX_SCANS || found.length >= limit / 2 || fresh.length === looked.length) break;
    // The scope is one session, which was deleted since the filter was made.
    if (filter.session_uuid !== undefined && !ranges.has(filter.session_uuid)) break;
    for (const one of looked) {
      const range = ranges.get(one.session_uuid);
      if (range === undefined) dead.add(one.session_uuid);
      else if (!isLive(one, ranges)) bounds.set(one.session_uuid, range);
    }
    const further = without(filter, dead, bounds);
    const older = await findNewest(search, further, term, LAST_QUERY_MS, { after: place, end });
    if (older === undefined) break;
    newest = older;
    ranges = await findLiveRanges(db, filter.namespace, newest.found);
  }
  return { found, live, next: encodePlace(place) };
}

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
    ...(filter.session_uuid === undefined &&
      dead.size > 0 && { session_uuid: { $nin: [...dead] } }),
    ...(outside.length > 0 && { $nor: outside }),
  };
}
