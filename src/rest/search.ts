import { z } from 'zod';
import { checked } from '../domain/checked-input.ts';
import { DomainError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/metadata.ts';
import { metadata } from '../domain/metadata.ts';
import type { Session, Summary } from '../domain/records.ts';
import { time } from '../domain/records.ts';
import type { Hit } from '../services/search/results.ts';
import { RestError } from './errors.ts';
import type { RestContext } from './route.ts';

/** What both generations do when they search. */

/** The longest text to search for, in characters. */
const TEXT_MAX_LENGTH = 20_000;

/** The most hits of one answer. */
const HITS_MAX = 100;

/** The most sessions that one request searches. */
const SESSIONS_MAX = 20;

/** How many messages are looked at to find the sessions whose summaries answer a question. */
const HITS_FOR_SUMMARIES = 50;

export const searchQuery = z.object({
  limit: z
    .int()
    .min(1)
    .max(HITS_MAX)
    .optional()
    .meta({ description: 'How many results; 10 by default.' }),
});

/** The fields of a body that both generations have. */
export const searchFields = {
  text: z.string().min(1).max(TEXT_MAX_LENGTH),
  search_type: z.enum(['similarity', 'mmr']).optional(),
  mmr_lambda: z.number().optional(),
};

/** The conditions on messages: their times, and what their metadata contains. */
export const searchConditions = metadata('start_date, end_date, or where with a JSON object.');

const conditions = z.object({
  start_date: time('start').optional(),
  end_date: time('end').optional(),
  where: metadata('What the metadata contains.').optional(),
});

/** A search of either generation. What it names are conditions, and all of them hold. */
interface RestSearch {
  text: string;
  limit: number;
  search_type?: 'similarity' | 'mmr' | undefined;
  conditions?: JsonObject | undefined;
  session_ids?: readonly string[] | undefined;
  user_id?: string | undefined;
}

/** A hit with its score as a share of the best one's. */
export interface ScoredHit {
  hit: Hit;
  score: number;
}

/**
 * Finds messages, best first. Several sessions are searched one by one.
 *
 * @throws DomainError as the service does; RestError INVALID_ARGUMENT for conditions that are not served
 */
export async function findMessages(
  { caller, search }: RestContext,
  { text, limit, search_type, conditions: given = {}, session_ids, user_id }: RestSearch,
): Promise<ScoredHit[]> {
  if (session_ids !== undefined && session_ids.length > SESSIONS_MAX) {
    throw new RestError(
      'INVALID_ARGUMENT',
      `session_ids: names ${session_ids.length} sessions, and at most ${SESSIONS_MAX} are searched at once. Name fewer, or the user.`,
    );
  }
  const asked = conditionsOf(given);
  if (asked === undefined) return [];
  const { since, until, metadata: part } = asked;
  const input = {
    query: text,
    limit,
    since,
    until,
    metadata: part,
    diverse: search_type === 'mmr',
  };
  const scopes =
    session_ids === undefined || session_ids.length === 0
      ? [{ user_id }]
      : [...new Set(session_ids)].map((session_id) => ({ session_id }));
  const hits: Hit[] = [];
  for (const scope of scopes) {
    const found = await search.search(caller, { ...input, ...scope });
    // The service searches in a session or in those of a user.
    hits.push(
      ...found.hits.filter(({ session }) => user_id === undefined || session.user_id === user_id),
    );
  }
  if (scopes.length > 1) hits.sort((a, b) => b.score - a.score);
  const best = Math.max(...hits.map(({ score }) => score), 0) || 1;
  return hits
    .slice(0, limit)
    .map((hit) => ({ hit, score: Math.max(0, Math.round((hit.score / best) * 10_000) / 10_000) }));
}

/** The summaries of the sessions in which messages were found, each with the score of its best message. */
export async function findSummaries(
  context: RestContext,
  wanted: RestSearch,
): Promise<{ session: Session; summary: Summary; score: number }[]> {
  const hits = await findMessages(context, { ...wanted, limit: HITS_FOR_SUMMARIES });
  const best = new Map<string, number>();
  for (const { hit, score } of hits) {
    const { session_id } = hit.session;
    if (!best.has(session_id)) best.set(session_id, score);
  }
  const found: { session: Session; summary: Summary; score: number }[] = [];
  for (const [session_id, score] of best) {
    if (found.length === wanted.limit) break;
    const { session, summary } = await context.memory
      .get(context.caller, session_id, { last_n: 1, context_tokens: 0 })
      .catch(deletedMeanwhile);
    if (session !== undefined && summary !== undefined) found.push({ session, summary, score });
  }
  return found;
}

function deletedMeanwhile(error: unknown): { session?: undefined; summary?: undefined } {
  if (error instanceof DomainError && error.code === 'NOT_FOUND') return {};
  throw error;
}

/** The key of metadata that the old server kept to itself: nothing here has any. */
const SYSTEM_METADATA = /"jsonpath":"\$\.system\b/;

/** @returns `undefined` if no message can meet the conditions */
function conditionsOf(given: JsonObject) {
  const { where, start_date, end_date } = checked(given, { name: 'metadata', input: conditions });
  if (SYSTEM_METADATA.test(JSON.stringify(where ?? {}))) return undefined;
  for (const operator of ['jsonpath', 'and', 'or']) {
    if (where !== undefined && Object.hasOwn(where, operator)) {
      throw new RestError(
        'INVALID_ARGUMENT',
        `metadata.where: JSONPath is not served. Give what the metadata of a message has to contain, such as {"topic": "travel"}.`,
      );
    }
  }
  return { since: start_date, until: end_date, metadata: where };
}
