import type { Candidate, Extent, MessagePlace } from '../store/store.ts';
import { ASKS } from './analyse.ts';

export interface Ranked {
  place: MessagePlace;
  score: number;
  /** Missing if the message has none of the terms itself: those around it have. */
  candidate?: Candidate;
}

/** What is known of the messages among which the candidates were found. */
export interface Statistics {
  /** How many messages there are, as far as that is known. */
  messages: number;
  /** How many of them have a term. */
  frequency: ReadonlyMap<string, number>;
}

/** The usual parameters of BM25: how soon repetition counts for less, and how much length matters. */
const K1 = 1.2;
const B = 0.75;

/**
 * How much of what the turns around a message say counts for it, by their distance. What is asked for
 * is often in the turn before or after the one with the words.
 */
const NEIGHBOURS = [0.6, 0.4, 0.2];

/** What a message with all its neighbours amounts to, in messages. */
const WINDOW = 1 + 2 * NEIGHBOURS.reduce((sum, weight) => sum + weight, 0);

/** Turns that say more are more often what is looked for, up to this many terms. */
const TELLING = { exponent: 0.3, atMost: 40, offset: 3 };

/** A question has the words of its answer, but is not the answer. */
const ASKING = 0.8;

/** A message of today counts by so much more than one of long ago; half of it is lost in a month. */
const RECENCY = { bonus: 0.1, halfLife: 30 * 86_400_000 };

/** How far from a candidate a message without any of the terms is ranked too. */
const REACH = 1;

/**
 * Ranks messages by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) over
 * each message together with its neighbours, which count for less, as in BM25F.
 *
 * @param threads those that the candidates are in
 * @param now milliseconds since 1970
 * @returns all candidates and what is next to them, the best first; of equals, the newest
 */
export function rank(
  candidates: readonly Candidate[],
  terms: readonly string[],
  statistics: Statistics,
  threads: ReadonlyMap<string, Extent>,
  now: number,
): Ranked[] {
  const weights = terms.map((term) => weightOf(term, statistics));
  const average = mean(candidates.map(({ length }) => length));
  const known = new Map(
    candidates.map((candidate) => [
      placeOf(candidate),
      { candidate, counts: occurrences(terms, candidate.matched) },
    ]),
  );
  const ranked = new Map<string, Ranked & { created_at: number }>();

  function scoreOf({ thread, seq }: MessagePlace, { first_seq, last_seq }: Extent): number {
    const frequencies = new Float64Array(terms.length);
    let length = 0;
    const from = Math.max(first_seq, seq - NEIGHBOURS.length);
    const to = Math.min(last_seq, seq + NEIGHBOURS.length);
    for (let near = from; near <= to; near++) {
      const weight = near === seq ? 1 : (NEIGHBOURS[Math.abs(near - seq) - 1] as number);
      const found = known.get(placeOf({ thread, seq: near }));
      length += weight * (found?.candidate.length ?? average);
      found?.counts.forEach((count, i) => {
        frequencies[i] = (frequencies[i] as number) + weight * count;
      });
    }
    const damping = K1 * (1 - B + (B * length) / (WINDOW * average));
    return weights.reduce((score, weight, i) => {
      const frequency = frequencies[i] as number;
      return score + (weight * frequency * (K1 + 1)) / (frequency + damping);
    }, 0);
  }

  for (const near of candidates) {
    const { session_id, thread, created_at } = near;
    const extent = threads.get(thread) as Extent;
    const from = Math.max(extent.first_seq, near.seq - REACH);
    const to = Math.min(extent.last_seq, near.seq + REACH);
    for (let seq = from; seq <= to; seq++) {
      const key = placeOf({ thread, seq });
      if (ranked.has(key)) continue;
      const place = { session_id, thread, seq };
      const candidate = known.get(key)?.candidate;
      const prior = priorOf(candidate ?? { matched: [], length: average, created_at }, now);
      ranked.set(key, {
        place,
        score: scoreOf(place, extent) * prior,
        created_at: candidate?.created_at ?? created_at,
        ...(candidate !== undefined && { candidate }),
      });
    }
  }
  return [...ranked.values()].sort(
    (a, b) =>
      b.score - a.score ||
      b.created_at - a.created_at ||
      compare(a.place.session_id, b.place.session_id) ||
      b.place.seq - a.place.seq,
  );
}

/** Inverse document frequency, in the form that is never negative. */
function weightOf(term: string, { messages, frequency }: Statistics): number {
  const having = Math.min(frequency.get(term) ?? 0, messages);
  return Math.log(1 + (messages - having + 0.5) / (having + 0.5));
}

function occurrences(terms: readonly string[], matched: readonly string[]): Uint8Array {
  return Uint8Array.from(terms, (term) =>
    matched.reduce((n, one) => n + (one === term ? 1 : 0), 0),
  );
}

/** What speaks for a message whatever is looked for. */
function priorOf(
  { matched, length, created_at }: Pick<Candidate, 'matched' | 'length' | 'created_at'>,
  now: number,
): number {
  const telling = (Math.min(length, TELLING.atMost) + TELLING.offset) ** TELLING.exponent;
  const asking = matched.includes(ASKS) ? ASKING : 1;
  const age = Math.max(0, now - created_at);
  return telling * asking * (1 + RECENCY.bonus * 2 ** (-age / RECENCY.halfLife));
}

/** Names a message by its place. */
export function placeOf({ thread, seq }: Pick<MessagePlace, 'thread' | 'seq'>): string {
  return `${seq}@${thread}`;
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
