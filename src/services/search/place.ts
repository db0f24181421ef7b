import { foreignCursor } from '../../domain/pagination.ts';
import { positionKey } from '../../domain/positions.ts';
import { TERMS_PER_QUESTION } from '../../search/analyzer.ts';
import type { RankedMessage } from '../../search/bm25.ts';

/** Where a cursor continues. */
export interface Place {
  mode: 'lexical' | 'hybrid';
  /** The rank behind which it goes on, and the message there. */
  rank: number;
  place: string;
  /** The window of the ranking: where the one before has ended; absent for the first. */
  after?: readonly (string | null)[] | undefined;
  /** Where that window ends, as its first page has found it. */
  end?: readonly (string | null)[] | undefined;
  /** Where the first window has ended, from the third on: before, `after` tells. */
  firstEnd?: readonly (string | null)[] | undefined;
}

export const encodePlace = ({ mode, rank, place, after, end, firstEnd }: Place): string =>
  JSON.stringify([mode, rank, place, after, end, firstEnd]);

/** A position of either store: numbers, and the uuid of a session. */
const POSITION = /^-?\d{1,16}( \d{1,16} [\da-f-]{0,36})?$/;

/** @throws DomainError INVALID_ARGUMENT for a cursor that somebody has changed */
export function decodePlace(key: string): Place {
  const [mode, rank, place, ...windows] = parsed(key);
  const isValid =
    (mode === 'lexical' || mode === 'hybrid') &&
    Number.isSafeInteger(rank) &&
    typeof place === 'string' &&
    windows.every((positions) => positions == null || isPositions(positions));
  if (!isValid) throw foreignCursor();
  const [after, end, firstEnd] = windows.map((positions) => positions ?? undefined);
  return { mode, rank, place, after, end, firstEnd } as Place;
}

function isPositions(value: unknown): boolean {
  const isPosition = (one: unknown) =>
    one === null || (typeof one === 'string' && POSITION.test(one));
  return Array.isArray(value) && value.length <= TERMS_PER_QUESTION && value.every(isPosition);
}

function parsed(key: string): unknown[] {
  try {
    const content: unknown = JSON.parse(key);
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}

/** The rank where a cursor continues: behind the message that it names, or where that was if it is gone. */
export function rankBehind(ranked: readonly RankedMessage[], { rank, place }: Place): number {
  if (place === '') return 0;
  const named = ranked.findIndex((one) => positionKey(one.place) === place);
  return named === -1 ? Math.max(0, rank - 1) : named + 1;
}
