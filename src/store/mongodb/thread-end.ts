import { timestamp } from '../../domain/times.ts';
import type { Appended } from '../store.ts';
import type { SessionDocument } from './documents.ts';
import type { ThreadKey } from './thread-writes.ts';

/** Where a live session's messages end, and all of the session that an append answers with. */
export interface ThreadEnd extends ThreadKey {
  /** The session's uuid. */
  _id: string;
  user_id?: string;
  base_seq: number;
  last_seq: number;
  last_message_at?: Date;
  /** The last message that the newest summary covers. */
  summarized?: number;
}

/** @param document a live session that has a thread */
export function endOf(document: SessionDocument): ThreadEnd {
  const { _id, namespace, session_id, user_id, thread } = document;
  const { base_seq, last_seq, last_message_at, summary } = document;
  return {
    ...{ _id, namespace, session_id, thread: thread as string, base_seq, last_seq },
    ...(user_id !== undefined && { user_id }),
    ...(last_message_at !== undefined && { last_message_at }),
    ...(summary !== undefined && { summarized: summary.up_to_seq }),
  };
}

export function toAppended(end: ThreadEnd, messages: Appended['messages']): Appended {
  const { _id, session_id, user_id, thread } = end;
  const { base_seq, last_seq, last_message_at, summarized } = end;
  return {
    session: {
      session_id,
      uuid: _id,
      ...(user_id !== undefined && { user_id }),
      message_count: last_seq - base_seq,
      ...(last_message_at !== undefined && {
        last_message_at: timestamp(last_message_at.getTime()),
      }),
    },
    first_seq: base_seq + 1,
    last_seq,
    ...(summarized !== undefined && { summary: { up_to_seq: summarized } }),
    thread,
    messages,
  };
}
