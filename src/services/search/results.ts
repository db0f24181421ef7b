import {
  includesPart,
  type JsonObject,
  jsonBytes,
  jsonBytesAtMost,
} from '../../domain/metadata.ts';
import { positionKey, type SeqRange } from '../../domain/positions.ts';
import type { Message, Session } from '../../domain/records.ts';
import { canonicalRole, hasRoleWord } from '../../domain/roles.ts';
import type { RankedMessage } from '../../search/bm25.ts';
import { digestOf } from '../../search/vectors.ts';
import type { Store } from '../../store/port.ts';
import type { ResolvedMessage, TimeRange } from '../../store/search-port.ts';
import type { AnswerShape, Neighbour } from '../dependencies.ts';
import { type Neighbours, readNeighbours } from './neighbours.ts';

/** A page repeats the session with each hit, so metadata above this many bytes is left out. */
const SESSION_METADATA_MAX_BYTES = 1000;

export interface SearchInput extends TimeRange {
  query: string;
  session_id?: string | undefined;
  user_id?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  roles?: readonly string[] | undefined;
  /** Only messages whose role has this word. */
  roleWord?: string | undefined;
  /** The most messages considered per word of the query, the newest. */
  perTerm?: number | undefined;
  metadata?: JsonObject | undefined;
  neighbours?: number | undefined;
  diverse?: boolean | undefined;
}

export interface Hit {
  /** Comparable within one search only. */
  score: number;
  session: Session;
  message: Message;
  /** Present if the message has none of the words, and messages next to it have them. */
  found_by?: 'neighbours';
  /** The messages directly before and after it, if requested. */
  before?: Neighbour[];
  after?: Neighbour[];
}

/** A ranking that hits are read from. */
export interface Ranking {
  /** The best first. */
  ranked: readonly RankedMessage[];
  /** The live messages of the sessions that the ranked messages are in, by session uuid. */
  ranges: ReadonlyMap<string, SeqRange>;
  /** The terms that an excerpt of a long message is centred on. */
  terms: readonly string[];
  /** The digests of the embedded contents, by position. */
  digests: ReadonlyMap<string, string>;
  /** The positions of the messages that were found by meaning. */
  similar: ReadonlySet<string>;
}

/** A search whose hits are read. */
interface HitQuery {
  namespace: string;
  store: Store;
  ranking: Ranking;
  input: SearchInput & { limit: number };
  answer: AnswerShape;
}

interface Match {
  /** Its index in the ranking. */
  index: number;
  ranked: RankedMessage;
  resolved: ResolvedMessage;
}

/**
 * Reads a page of hits: as many as were requested and fit into the answer. A page takes one store
 * call, and one more for all neighbours. It takes further calls only if many ranked messages do not
 * match the filters, or are long.
 *
 * @param from the index in the ranking where the page begins
 * @returns the hits, and the index where the next page begins
 */
export async function readHits(
  query: HitQuery,
  from: number,
): Promise<{ hits: Hit[]; next: number }> {
  const { ranking, input, answer } = query;
  const hits: Hit[] = [];
  let bytesAtMost = 0;
  let bytes: number | undefined;
  let next = from;
  while (next < ranking.ranked.length && hits.length < input.limit) {
    const { matches, end } = await readMatches(query, next, input.limit - hits.length);
    const neighbours = await neighboursOf(query, matches);
    for (const [i, match] of matches.entries()) {
      const hit = await toHit(match, neighbours[i], ranking, answer);
      bytesAtMost += jsonBytesAtMost(hit);
      if (bytesAtMost > answer.pageMaxBytes) {
        bytes = (bytes ?? sumOfBytes(hits)) + jsonBytes(hit);
        if (bytes > answer.pageMaxBytes && hits.length > 0) return { hits, next: match.index };
      }
      hits.push(hit);
    }
    next = end;
  }
  return { hits, next };
}

const sumOfBytes = (hits: readonly Hit[]) => hits.reduce((sum, hit) => sum + jsonBytes(hit), 0);

/**
 * Reads the next ranked messages and keeps those that match the filters of the search.
 *
 * @param count the number of matches wanted
 * @returns the matches, and the index in the ranking after the last message that was read
 */
async function readMatches(
  { namespace, store, ranking, input, answer }: HitQuery,
  from: number,
  count: number,
): Promise<{ matches: Match[]; end: number }> {
  const { ranked, digests } = ranking;
  const wanted: { index: number; ranked: RankedMessage }[] = [];
  let end = from;
  for (; end < ranked.length && wanted.length < count; end++) {
    const one = ranked[end] as RankedMessage;
    // A candidate's role is known before it is read.
    if (one.candidate === undefined || hasRole(one.candidate, input)) {
      wanted.push({ index: end, ranked: one });
    }
  }
  if (wanted.length === 0) return { matches: [], end };
  const positions = wanted.map((one) => one.ranked.place);
  const { messages, covered } = await store.search.findByPosition(namespace, positions, {
    metadataMaxBytes: SESSION_METADATA_MAX_BYTES,
    enough: { total: answer.pageMaxBytes, each: answer.hitMaxBytes },
  });
  const found = new Map(messages.map((one) => [positionKey(one.place), one]));
  const matches: Match[] = [];
  for (const one of wanted) {
    const resolved = found.get(positionKey(one.ranked.place));
    if (resolved === undefined || !matchesFilters(resolved.message, input)) continue;
    if (isStale(one.ranked, resolved, digests)) continue;
    matches.push({ ...one, resolved });
  }
  return { matches, end: wanted[covered]?.index ?? end };
}

/** The neighbours of each match, if the search asks for any. */
async function neighboursOf(
  { namespace, store, ranking, input, answer }: HitQuery,
  matches: readonly Match[],
): Promise<Neighbours[]> {
  const { neighbours: distance = 0 } = input;
  if (distance === 0 || matches.length === 0) return [];
  const places = matches.map(({ ranked }) => ranked.place);
  return readNeighbours(namespace, store, places, ranking.ranges, distance, answer);
}

async function toHit(
  { ranked, resolved }: Match,
  { before, after }: Neighbours = { before: [], after: [] },
  { terms, similar }: Ranking,
  answer: AnswerShape,
): Promise<Hit> {
  const byNeighbours = ranked.candidate === undefined && !similar.has(positionKey(ranked.place));
  return {
    score: Math.round(ranked.score * 10_000) / 10_000,
    session: resolved.session,
    message: await answer.hit(resolved.message, terms),
    ...(byNeighbours && { found_by: 'neighbours' }),
    ...(before.length > 0 && { before }),
    ...(after.length > 0 && { after }),
  };
}

/** Whether the content of a semantic match has changed since its vector was computed. */
function isStale(
  { place, candidate }: RankedMessage,
  { message }: ResolvedMessage,
  digests: Ranking['digests'],
): boolean {
  const digest = candidate === undefined ? digests.get(positionKey(place)) : undefined;
  return digest !== undefined && digest !== digestOf(message.content);
}

const hasRole = ({ role }: { role: string }, { roles, roleWord }: SearchInput) =>
  (roles === undefined || roles.map(canonicalRole).includes(canonicalRole(role))) &&
  (roleWord === undefined || hasRoleWord(role, roleWord));

function matchesFilters(message: Message, input: SearchInput): boolean {
  const { since, until, metadata } = input;
  return (
    hasRole(message, input) &&
    (since === undefined || message.created_at >= since) &&
    (until === undefined || message.created_at <= until) &&
    (metadata === undefined || includesPart(message.metadata, metadata))
  );
}
