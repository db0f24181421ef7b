import type { SeqRange } from '../../../domain/positions.ts';
import { timestamp } from '../../../domain/times.ts';
import type { Appended } from '../../message-port.ts';
import type { MessageDocument, SessionDocument } from '../documents.ts';

/** What the messages of one session have in common. */
export type MessageKey = Pick<MessageDocument, 'namespace' | 'session_id' | 'session_uuid'>;

/** Where a live session's messages begin and end, and all of it that an append answers with. */
export interface SessionHead extends SeqRange {
  /** The session's uuid. */
  _id: string;
  namespace: string;
  session_id: string;
  user_id?: string;
  last_message_at?: Date;
  /** The last message that the newest summary covers. */
  summarized?: number;
}

export const messageKey = ({
  _id,
  namespace,
  session_id,
}: Pick<SessionHead, '_id' | 'namespace' | 'session_id'>): MessageKey => ({
  namespace,
  session_id,
  session_uuid: _id,
});

/** @param document a live session */
export function headOf(document: SessionDocument): SessionHead {
  const { _id, namespace, session_id, user_id } = document;
  const { first_seq, last_seq, last_message_at, summary } = document;
  return {
    ...{ _id, namespace, session_id, first_seq, last_seq },
    ...(user_id !== undefined && { user_id }),
    ...(last_message_at !== undefined && { last_message_at }),
    ...(summary !== undefined && { summarized: summary.up_to_seq }),
  };
}

export function toAppended(head: SessionHead, messages: Appended['messages']): Appended {
  const { _id, session_id, user_id } = head;
  const { first_seq, last_seq, last_message_at, summarized } = head;
  return {
    session: {
      session_id,
      uuid: _id,
      ...(user_id !== undefined && { user_id }),
      message_count: last_seq - first_seq + 1,
      ...(last_message_at !== undefined && {
        last_message_at: timestamp(last_message_at.getTime()),
      }),
    },
    first_seq,
    last_seq,
    ...(summarized !== undefined && { summary: { up_to_seq: summarized } }),
    messages,
  };
}
