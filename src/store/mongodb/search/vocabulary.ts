import type { Db, Document } from 'mongodb';
import { MAX_TIME_EXPIRED } from '../connection/error-codes.ts';
import { hasCode } from '../connection/errors.ts';
import { messagesOf } from '../documents.ts';
import type { MessageFilter } from './search-filter.ts';

/** How many messages one query reads, and how many queries there are. */
const MESSAGES_PER_QUERY = 100;
const MAX_QUERIES = 5;

/** The time limit of each query in the server, in milliseconds. */
const QUERY_MS = 300;

/** The terms of a message that begin with a prefix, as an expression. */
const termsWith = (prefix: string): Document => ({
  $filter: {
    input: '$terms',
    cond: { $eq: [{ $substrCP: ['$$this', 0, [...prefix].length] }, { $literal: prefix }] },
  },
});

/**
 * Some terms of the messages that a filter finds, by their prefix. An index on arrays has no list of its
 * distinct values: each query leaves out messages that have terms which are known.
 */
export async function findVocabulary(
  db: Db,
  filter: MessageFilter,
  prefix: string,
  limit: number,
): Promise<string[]> {
  const known = new Set<string>();
  for (let queries = 0; queries < MAX_QUERIES && known.size < limit; queries++) {
    const terms = {
      $elemMatch: { $gte: prefix, $lt: `${prefix}\u{10ffff}`, $nin: [...known] },
    };
    const found = await messagesOf(db)
      .find({ ...filter, terms } as Document)
      .limit(MESSAGES_PER_QUERY)
      .batchSize(MESSAGES_PER_QUERY + 1)
      .maxTimeMS(QUERY_MS)
      .project<{ terms: string[] }>({ _id: 0, terms: termsWith(prefix) })
      .toArray()
      .catch((error: unknown) => {
        if (hasCode(error, MAX_TIME_EXPIRED)) return [];
        throw error;
      });
    for (const term of found.flatMap((message) => message.terms)) known.add(term);
    if (found.length < MESSAGES_PER_QUERY) break;
  }
  return [...known].sort().slice(0, limit);
}
