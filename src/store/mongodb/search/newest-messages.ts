import type { Db, Document, Filter } from 'mongodb';
import type { TermQuery } from '../../search-port.ts';
import { LEAD_MS } from '../connection/client.ts';
import { MAX_TIME_EXPIRED } from '../connection/error-codes.ts';
import { hasCode } from '../connection/errors.ts';
import { withTimeout } from '../connection/index.ts';
import { INDEX } from '../connection/indexes.ts';
import {
  type MessageDocument,
  type MessageKey,
  messageKey,
  messagesOf,
  type SessionDocument,
  sessionsOf,
} from '../documents.ts';
import type { FoundDocument, Place } from './places.ts';
import { createdWithin, type MessageFilter } from './search-filter.ts';

/** How much of a search's time is kept for what follows the queries by term: it has a time limit, too. */
const RESERVE_MS = LEAD_MS + 500;

/** How many of the newest sessions are read where the index of the scope is too slow. */
const RECENT_SESSIONS = 10;

/** A term with so many messages in the recent sessions is frequent, and weighs little in a ranking: these
 * messages are enough. */
const FREQUENT_MIN = 5;

/** What a search asks for, and when its caller stops waiting (milliseconds since 1970). */
export interface TermSearch {
  db: Db;
  filter: MessageFilter;
  query: TermQuery;
  deadline: number;
}

/** The part of the order that a query goes along. */
export interface Stretch {
  /** Only messages behind this place. */
  after?: Place | undefined;
  /** Only messages up to this place. */
  end?: Place | undefined;
}

/** The newest messages that have a term: one more than wanted, if there are as many. */
export interface NewestMessages {
  found: FoundDocument[];
  /** There may be more. */
  cut: boolean;
  /** Only some sessions of the scope were read. */
  isPartial?: true;
}

/** The newest messages that have a term, or `undefined` if that takes too long. */
export async function findNewest(
  search: TermSearch,
  filter: Filter<MessageDocument>,
  term: string,
  maxTimeMS: number,
  { after, end }: Stretch,
): Promise<NewestMessages | undefined> {
  const { limit } = search.query;
  const wanted = { ...filter, terms: term };
  // The index has the order of time. What was said in the same millisecond is put in order here.
  const tied = after && (await findTied(search, wanted, maxTimeMS, after.created_at, after));
  if (after !== undefined && tied === undefined) return undefined;
  const before = tied ?? [];
  const left = limit + 1 - before.length;
  if (left <= 0) return { found: before, cut: true };
  const rest = await find(search, wanted, maxTimeMS, left, { after, end });
  if (rest === undefined) return undefined;
  const last = rest.at(-1);
  if (rest.length < left || last === undefined) return { found: [...before, ...rest], cut: false };
  const time = last.created_at.getTime();
  const isTied = rest.at(-2)?.created_at.getTime() === time;
  if (!isTied) return { found: [...before, ...rest], cut: true };
  const newer = rest.filter(({ created_at }) => created_at.getTime() > time);
  const oldest = await findTied(search, wanted, maxTimeMS, last.created_at);
  if (oldest === undefined) return undefined;
  return { found: [...before, ...newer, ...oldest].slice(0, limit + 1), cut: true };
}

/** The newest live sessions of a scope; none if the scope is one session. */
export async function recentSessions({ db, filter }: TermSearch): Promise<MessageKey[]> {
  const { namespace, user_id } = filter;
  if (filter.session_uuid !== undefined) return [];
  const newest = await sessionsOf(db)
    .find({ namespace, ...(user_id !== undefined && { user_id }), live: true })
    .hint(user_id === undefined ? INDEX.updated : INDEX.ownedUpdated)
    .sort({ updated_at: -1, _id: -1 })
    .limit(RECENT_SESSIONS)
    .project<Pick<SessionDocument, '_id' | 'namespace' | 'session_id'>>({
      ...{ namespace: 1, session_id: 1 },
    })
    .toArray();
  return newest.map(messageKey);
}

/** The newest messages of some sessions that have a term, or `undefined` if it is not frequent there. */
export async function findRecent(
  search: TermSearch,
  sessions: readonly MessageKey[],
  term: string,
  maxTimeMS: number,
): Promise<NewestMessages | undefined> {
  const $or = sessions.map((session) => ({ ...session, terms: term }));
  if ($or.length === 0) return undefined;
  const found = await find(search, { $or }, maxTimeMS, search.query.limit + 1, {});
  return found !== undefined && found.length >= FREQUENT_MIN
    ? { found, cut: true, isPartial: true }
    : undefined;
}

/** The newest messages of a stretch, up to a number, without those of the millisecond where it begins. */
function find(
  search: TermSearch,
  filter: Filter<MessageDocument>,
  maxTimeMS: number,
  limit: number,
  { after, end }: Stretch,
): Promise<FoundDocument[] | undefined> {
  const range = createdWithin(search.query).created_at;
  const since = [range?.$gte, end?.created_at].filter((time) => time !== undefined);
  const created_at = {
    ...range,
    ...(since.length > 0 && { $gte: new Date(Math.max(...since.map(Number))) }),
    ...(after !== undefined && { $lt: after.created_at }),
  };
  const timed = Object.keys(created_at).length === 0 ? {} : { created_at };
  return run(search, { ...filter, ...timed }, maxTimeMS, { created_at: -1 }, limit);
}

/** Messages of one millisecond, the last first. @param after only those behind this place */
function findTied(
  search: TermSearch,
  filter: Filter<MessageDocument>,
  maxTimeMS: number,
  created_at: Date,
  after?: Place,
): Promise<FoundDocument[] | undefined> {
  const { seq, session_uuid } = after ?? {};
  const $or = [{ seq: { $lt: seq } }, { seq, session_uuid: { $lt: session_uuid } }];
  const behind = after === undefined ? {} : { $and: [{ $or }] };
  const sort = { seq: -1, session_uuid: -1 } as const;
  const tied = { ...filter, created_at, ...behind } as Filter<MessageDocument>;
  return run(search, tied, maxTimeMS, sort, search.query.limit + 1);
}

async function run(
  { db, query, deadline }: TermSearch,
  filter: Filter<MessageDocument>,
  maxTimeMS: number,
  sort: Record<string, -1>,
  limit: number,
): Promise<FoundDocument[] | undefined> {
  const leftMs = deadline - RESERVE_MS - Date.now();
  if (leftMs <= 0) return undefined;
  const finding = messagesOf(db)
    .find(filter)
    .sort(sort)
    .limit(limit)
    .batchSize(limit + 1)
    .maxTimeMS(Math.min(maxTimeMS, leftMs))
    .project<FoundDocument>(candidateFields(query))
    .toArray();
  try {
    // Not every server keeps to its limit, and the way to the server takes time, too.
    return await withTimeout(finding, leftMs, () => undefined);
  } catch (error) {
    if (hasCode(error, MAX_TIME_EXPIRED)) return undefined;
    throw error;
  }
}

/** The projection of a candidate: of its terms, only those that the query names. */
function candidateFields({ terms, also, metadata }: TermQuery): Document {
  const wanted = { $in: ['$$this', { $literal: [...terms, ...also] }] };
  return {
    ...{ session_id: 1, session_uuid: 1, seq: 1, role: 1, created_at: 1 },
    matched: { $filter: { input: '$terms', cond: wanted } },
    length: { $size: '$terms' },
    ...(metadata !== undefined && { metadata: 1 }),
  };
}
