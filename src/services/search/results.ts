import { includesPart, type JsonObject, jsonBytes } from '../../domain/metadata.ts';
import type { Message, Session } from '../../domain/records.ts';
import { truncateContent, truncateMetadata } from '../../mcp/answer/truncate.ts';
import { firstMatch } from '../../search/analyzer.ts';
import { positionKey, type RankedMessage } from '../../search/bm25.ts';
import { digestOf } from '../../search/vectors.ts';
import type { Store } from '../../store/port.ts';
import type {
  MessagePosition,
  ResolvedMessage,
  SeqRange,
  TimeRange,
} from '../../store/search-port.ts';
import { PAGE_MAX_BYTES } from '../dependencies.ts';
import { runInSlices } from '../event-loop.ts';

/** How much is shown of a hit that is long, in bytes as JSON, and how much of it before the match. */
const SHOWN_BYTES = 4000;
const SHOWN_BEFORE = 200;

/** How much is shown of the messages around a hit, in bytes as JSON. */
const NEIGHBOUR_BYTES = 2000;

/** The metadata of a hit's session is left out above this, in bytes: a page repeats it. */
const SESSION_METADATA_BYTES = 1000;

/** How many messages are read at once: as many of the longest as a call can bear. */
const BATCH = 10;

export interface SearchInput extends TimeRange {
  query: string;
  session_id?: string | undefined;
  user_id?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  roles?: readonly string[] | undefined;
  metadata?: JsonObject | undefined;
  neighbours?: number | undefined;
  diverse?: boolean | undefined;
}

export interface Hit {
  /** Comparable within one search only. */
  score: number;
  session: Session;
  message: Message;
  /** What was said right before and after it, as far as there is room. */
  before?: Neighbour[];
  after?: Neighbour[];
}

export type Neighbour = Pick<Message, 'uuid' | 'seq' | 'role' | 'content'>;

/** What a search has to read its hits from. */
export interface Ranking {
  /** The best first. */
  ranked: readonly RankedMessage[];
  /** The live messages of the sessions that these are in, by the uuids of these. */
  ranges: ReadonlyMap<string, SeqRange>;
  /** What long messages are shown around. */
  terms: readonly string[];
  /** What messages that were found by their meaning said then. */
  digests: ReadonlyMap<string, string>;
}

/**
 * Reads as many hits as are wanted and fit.
 *
 * @param from where in the ranking to begin
 * @returns the hits, and where in the ranking to go on
 */
export async function readHits(
  namespace: string,
  store: Store,
  { ranked, ranges, terms, digests }: Ranking,
  from: number,
  input: SearchInput & { limit: number },
): Promise<{ hits: Hit[]; next: number }> {
  const { limit, neighbours = 0 } = input;
  const hits: Hit[] = [];
  let next = from;
  let bytes = 0;
  const locate = (places: readonly MessagePosition[]) =>
    store.search.findByPosition(namespace, places, SESSION_METADATA_BYTES);
  while (next < ranked.length && hits.length < limit) {
    const batch = ranked.slice(next, next + BATCH);
    const promising = batch.filter(
      ({ candidate }) => candidate === undefined || hasRole(candidate, input),
    );
    const located = byPlace(await locate(promising.map(({ place }) => place)));
    for (const one of batch) {
      if (hits.length === limit) break;
      const found = located.get(positionKey(one.place));
      if (found !== undefined && passes(found.message, input) && !isStale(one, found, digests)) {
        const range = ranges.get(one.place.session_uuid) as SeqRange;
        const near = neighbours === 0 ? [] : await locate(around(one.place, range, neighbours));
        const hit = await toHit(one, found, byPlace(near), terms, neighbours);
        bytes += jsonBytes(hit);
        if (bytes > PAGE_MAX_BYTES && hits.length > 0) return { hits, next };
        hits.push(hit);
      }
      next++;
    }
  }
  return { hits, next };
}

const byPlace = (located: readonly ResolvedMessage[]): ReadonlyMap<string, ResolvedMessage> =>
  new Map(located.map((one) => [positionKey(one.place), one]));

/** Whether a message says something else by now than what it was found by. */
function isStale(
  { place, candidate }: RankedMessage,
  { message }: ResolvedMessage,
  digests: Ranking['digests'],
): boolean {
  const digest = candidate === undefined ? digests.get(positionKey(place)) : undefined;
  return digest !== undefined && digest !== digestOf(message.content);
}

const hasRole = ({ role }: { role: string }, { roles }: SearchInput) =>
  roles === undefined || roles.includes(role);

/** Whether a message is one of those that are looked for, whatever it says. */
function passes(message: Message, input: SearchInput): boolean {
  const { since, until, metadata } = input;
  return (
    hasRole(message, input) &&
    (since === undefined || message.created_at >= since) &&
    (until === undefined || message.created_at <= until) &&
    (metadata === undefined || includesPart(message.metadata, metadata))
  );
}

/** The places around a message that there are. */
function around(
  { session_id, session_uuid, seq }: MessagePosition,
  { first_seq, last_seq }: SeqRange,
  neighbours: number,
): MessagePosition[] {
  const from = Math.max(first_seq, seq - neighbours);
  const to = Math.min(last_seq, seq + neighbours);
  const all = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return all
    .filter((near) => near !== seq)
    .map((near) => ({ session_id, session_uuid, seq: near }));
}

async function toHit(
  { place, score }: RankedMessage,
  { session, message }: ResolvedMessage,
  located: ReadonlyMap<string, ResolvedMessage>,
  terms: readonly string[],
  neighbours: number,
): Promise<Hit> {
  const beside = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) =>
      positionKey({ ...place, seq: from + i }),
    ).flatMap((key) => {
      const near = located.get(key);
      return near === undefined ? [] : [toNeighbour(near.message)];
    });
  const before = beside(place.seq - neighbours, place.seq - 1);
  const after = beside(place.seq + 1, place.seq + neighbours);
  return {
    score: Math.round(score * 10_000) / 10_000,
    session,
    message: truncateMetadata(await excerpt(message, terms)),
    ...(before.length > 0 && { before }),
    ...(after.length > 0 && { after }),
  };
}

function toNeighbour(message: Message): Neighbour {
  const { uuid, seq, role, content } = truncateContent(message, 0, NEIGHBOUR_BYTES);
  return { uuid, seq, role, content };
}

/** A message with its content whole, or if it is long, the part of it around the first match. */
async function excerpt(message: Message, terms: readonly string[]): Promise<Message> {
  if (message.content.length <= SHOWN_BYTES / 4) return message;
  const fits = Buffer.byteLength(message.content) <= SHOWN_BYTES;
  const match = fits ? 0 : await runInSlices(firstMatch(message.content, terms));
  const start = Math.max(0, match - SHOWN_BEFORE);
  return truncateContent(message, start, SHOWN_BYTES);
}
