import { type MessagePosition, positionKey, type SeqRange } from '../../domain/positions.ts';
import type { Store } from '../../store/port.ts';
import type { AnswerShape, Neighbour } from '../dependencies.ts';

/** The most characters of a neighbour's content that are read. */
const NEIGHBOUR_MAX_LENGTH = 4000;

/** The messages around one hit. */
export interface Neighbours {
  before: Neighbour[];
  after: Neighbour[];
}

/**
 * Reads the messages around several hits with one store call.
 *
 * @param ranges the live messages of the hits' sessions, by session uuid
 * @param distance the number of messages before and after each hit
 * @returns the neighbours of each hit, in the order of the hits
 */
export async function readNeighbours(
  namespace: string,
  store: Store,
  hits: readonly MessagePosition[],
  ranges: ReadonlyMap<string, SeqRange>,
  distance: number,
  answer: AnswerShape,
): Promise<Neighbours[]> {
  const around = hits.map((hit) => positionsAround(hit, ranges, distance));
  const { messages } = await store.search.findByPosition(namespace, distinct(around.flat()), {
    metadataMaxBytes: 0,
    contentMaxLength: NEIGHBOUR_MAX_LENGTH,
    enough: { total: Number.POSITIVE_INFINITY, each: 0 },
  });
  const found = new Map(messages.map(({ place, message }) => [positionKey(place), message]));
  const shown = (positions: readonly MessagePosition[]) =>
    positions.flatMap((position) => {
      const message = found.get(positionKey(position));
      return message === undefined ? [] : [answer.neighbour(message)];
    });
  return hits.map(({ seq }, i) => {
    const positions = around[i] ?? [];
    return {
      before: shown(positions.filter((position) => position.seq < seq)),
      after: shown(positions.filter((position) => position.seq > seq)),
    };
  });
}

/** The positions of the live messages around a hit, in order. */
function positionsAround(
  { session_id, session_uuid, seq }: MessagePosition,
  ranges: ReadonlyMap<string, SeqRange>,
  distance: number,
): MessagePosition[] {
  const { first_seq, last_seq } = ranges.get(session_uuid) as SeqRange;
  const from = Math.max(first_seq, seq - distance);
  const to = Math.min(last_seq, seq + distance);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    .filter((near) => near !== seq)
    .map((near) => ({ session_id, session_uuid, seq: near }));
}

/** Adjacent hits share neighbours. */
function distinct(positions: readonly MessagePosition[]): MessagePosition[] {
  return [...new Map(positions.map((one) => [positionKey(one), one])).values()];
}
