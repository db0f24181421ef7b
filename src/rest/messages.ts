import type { Message } from '../domain/records.ts';
import { readList } from './lists.ts';
import type { RestContext } from './route.ts';

/** A page of a session's messages, oldest first, and how many messages there are on all pages. */
export async function readMessages(
  { caller, memory }: RestContext,
  session_id: string,
  { limit, cursor: number = 1 }: { limit?: number | undefined; cursor?: number | undefined },
): Promise<{ messages: Message[]; total_count: number; row_count: number }> {
  const { records, total = 0 } = await readList(
    async (page) => {
      const list = { order: 'asc', include_total: true, ...page } as const;
      const { messages, ...rest } = await memory.list(caller, session_id, list);
      return { records: messages, ...rest };
    },
    { limit, offset: limit === undefined ? 0 : (number - 1) * limit },
  );
  return { messages: records, total_count: total, row_count: records.length };
}
