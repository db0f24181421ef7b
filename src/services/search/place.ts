import { positionKey } from '../../domain/positions.ts';
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
}

export const encodePlace = ({ mode, rank, place, after, end }: Place): string =>
  JSON.stringify([mode, rank, place, after, end]);

/** @throws DomainError INVALID_ARGUMENT for a cursor that is not of a search */
export function decodePlace(key: string): Place {
  const [mode, rank, place, after, end] = JSON.parse(key);
  return { mode, rank, place, after: after ?? undefined, end: end ?? undefined };
}

/** The rank where a cursor continues: behind the message that it names, or where that was if it is gone. */
export function rankBehind(ranked: readonly RankedMessage[], { rank, place }: Place): number {
  if (place === '') return 0;
  const named = ranked.findIndex((one) => positionKey(one.place) === place);
  return named === -1 ? Math.max(0, rank - 1) : named + 1;
}
