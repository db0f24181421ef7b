import type { Db, Document, Filter } from 'mongodb';
import type { Candidate } from '../../../search/bm25.ts';
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

/** A message as a search reads it. Its session may be deleted. */
type FoundDocument = Pick<
  MessageDocument,
  '_id' | 'session_id' | 'session_uuid' | 'seq' | 'role' | 'created_at'
> &
  Pick<Candidate, 'matched' | 'length'>;

/** The newest messages that have a term. */
export interface NewestMessages {
  found: FoundDocument[];
  /** There may be more. */
  cut: boolean;
}

/** The newest messages that have a term, or `undefined` if that takes too long. */
export async function findNewest(
  search: TermSearch,
  filter: Filter<MessageDocument>,
  term: string,
  maxTimeMS: number,
): Promise<NewestMessages | undefined> {
  const found = await find(search, { ...filter, terms: term }, maxTimeMS);
  return found && { found, cut: found.length > search.query.limit };
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
  const found = await find(search, { $or }, maxTimeMS);
  return found !== undefined && found.length >= FREQUENT_MIN ? { found, cut: true } : undefined;
}

/** One message more than the query's limit, if there are as many: then the result is cut. */
async function find(
  { db, query, deadline }: TermSearch,
  filter: Filter<MessageDocument>,
  maxTimeMS: number,
): Promise<FoundDocument[] | undefined> {
  const leftMs = deadline - RESERVE_MS - Date.now();
  if (leftMs <= 0) return undefined;
  const { limit } = query;
  const finding = messagesOf(db)
    .find({ ...filter, ...createdWithin(query) })
    .sort({ created_at: -1 })
    .limit(limit + 1)
    .batchSize(limit + 2)
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
function candidateFields({ terms, also }: TermQuery): Document {
  const wanted = { $in: ['$$this', { $literal: [...terms, ...also] }] };
  return {
    ...{ session_id: 1, session_uuid: 1, seq: 1, role: 1, created_at: 1 },
    matched: { $filter: { input: '$terms', cond: wanted } },
    length: { $size: '$terms' },
  };
}
