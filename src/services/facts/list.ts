import { factNamespace } from '../../domain/fact-namespace.ts';
import { jsonBytes } from '../../domain/metadata.ts';
import { foreignCursor } from '../../domain/pagination.ts';
import { timestamp } from '../../domain/times.ts';
import type { Candidate } from '../../search/bm25.ts';
import { decodePlace, encodePlace } from '../search/place.ts';
import type { FactPlace } from './lookup.ts';
import { readRecords } from './read-records.ts';
import { hasMarker, markerTerm, type StoredFact, toFact } from './statements.ts';

/** How many facts are looked up at once. */
const LOOKED_UP_AT_ONCE = 100;

/** How many times a call looks further where few facts are wanted. */
const MAX_LOOKS = 20;

/** How much is wanted of a list of facts. */
export interface FactWindow {
  isWanted(fact: StoredFact): boolean;
  limit: number;
  /** In bytes of JSON; one fact is returned even if it is longer. */
  maxBytes: number;
}

/** A page of a list, and where the next one begins. */
interface ListPage {
  facts: StoredFact[];
  /** The time up to which facts are listed, in milliseconds since 1970. */
  at: number;
  next?: string;
}

/** Where a list goes on: behind a fact of those that are looked up from there. */
interface Start {
  /** Where the look begins, in a form of the store; the newest if left out. */
  after?: string | undefined;
  /** Of the facts of that look, only those with a smaller number. */
  before: number;
}

/**
 * Lists the facts that have a marker, the newest first, each once.
 *
 * @param from the `next` and the `at` of the page before: what was added since is left out
 * @param now milliseconds since 1970
 */
export async function listMarked(
  place: FactPlace,
  word: string,
  from: Pick<ListPage, 'next' | 'at'> | undefined,
  now: number,
  { isWanted, limit, maxBytes }: FactWindow,
): Promise<ListPage> {
  const facts: StoredFact[] = [];
  let bytes = 0;
  let at = from?.at ?? now;
  let start: Start = decodeStart(from?.next);
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const { candidates, next } = await lookUp(place, word, start, from && timestamp(at));
    // Another server's clock may be ahead of ours.
    if (from === undefined) at = Math.max(at, ...candidates.map((one) => one.created_at));
    const messages = await read(place, candidates);
    for (const [i, message] of messages.entries()) {
      const fact = message && toFact(message);
      if (message === undefined || fact === undefined) continue;
      if (!hasMarker(message, word) || !isWanted(fact)) continue;
      const before = candidates[i]?.seq as number;
      bytes += jsonBytes(fact) + 1;
      if (bytes > maxBytes && facts.length > 0) {
        return { facts, at, next: encodeStart({ ...start, before: before + 1 }) };
      }
      facts.push(fact);
      if (facts.length < limit) continue;
      const isLast = i === messages.length - 1 && next === null;
      return { facts, at, ...(!isLast && { next: encodeStart({ ...start, before }) }) };
    }
    if (next === null) return { facts, at };
    start = { after: next, before: Number.POSITIVE_INFINITY };
  }
  return { facts, at, next: encodeStart(start) };
}

/** The positions of facts with the marker, the newest first, and where further ones begin. */
async function lookUp(
  { store, namespace, user_id }: FactPlace,
  word: string,
  { after, before }: Start,
  until: string | undefined,
) {
  const { candidates, next } = await store.search.candidates(
    factNamespace(namespace),
    { session_id: user_id, user_id },
    {
      ...{ terms: [markerTerm(word)], also: [], limit: LOOKED_UP_AT_ONCE },
      ...{ until, after: after === undefined ? undefined : [after] },
    },
  );
  const wanted = candidates.filter(({ seq }) => seq < before);
  return { candidates: wanted.sort((a, b) => b.seq - a.seq), next: next[0] ?? null };
}

/** The messages at positions; `undefined` for those that are gone meanwhile. */
async function read({ store, namespace }: FactPlace, candidates: readonly Candidate[]) {
  const messages = await readRecords(store, factNamespace(namespace), candidates);
  const bySeq = new Map(messages.map((message) => [message.seq, message]));
  return candidates.map(({ seq }) => bySeq.get(seq));
}

const encodeStart = ({ after, before }: Start): string =>
  encodePlace({
    ...{ mode: 'lexical', rank: Number.isFinite(before) ? before : -1, place: '' },
    after: after === undefined ? undefined : [after],
  });

/** @throws DomainError INVALID_ARGUMENT for a cursor that somebody has changed */
function decodeStart(next: string | undefined): Start {
  if (next === undefined) return { before: Number.POSITIVE_INFINITY };
  const { rank, after = [] } = decodePlace(next);
  if (after.length > 1 || after[0] === null) throw foreignCursor();
  return { after: after[0], before: rank < 0 ? Number.POSITIVE_INFINITY : rank };
}
