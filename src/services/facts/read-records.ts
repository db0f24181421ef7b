import type { MessagePosition } from '../../domain/positions.ts';
import type { Message } from '../../domain/records.ts';
import type { Store } from '../../store/port.ts';

/**
 * The live records at some positions, in the order of these.
 *
 * @param namespace that of facts
 * @param contentMaxLength cuts their texts, in characters; they are read whole without it
 */
export async function readRecords(
  store: Store,
  namespace: string,
  positions: readonly MessagePosition[],
  contentMaxLength?: number,
): Promise<Message[]> {
  if (positions.length === 0) return [];
  const { messages } = await store.search.findByPosition(
    namespace,
    // What else a candidate has need not go to the thread that reads.
    positions.map(({ session_id, session_uuid, seq }) => ({ session_id, session_uuid, seq })),
    {
      ...{ metadataMaxBytes: 0, enough: { total: Number.POSITIVE_INFINITY, each: 0 } },
      ...(contentMaxLength !== undefined && { contentMaxLength }),
    },
  );
  return messages.map(({ message }) => message);
}
