import type { Document } from 'mongodb';
import type { MessagePosition } from '../../domain/positions.ts';

/** The `_id` of a message, and of its vector: in a session, a place is taken once. */
export const messageId = ({ session_uuid, seq }: Pick<MessagePosition, 'session_uuid' | 'seq'>) =>
  `${session_uuid}@${seq}`;

/** The same as an expression of the server, on a session; `seq` is one as well. */
export const messageIdOf = (seq: unknown): Document => ({
  $concat: ['$_id', '@', { $toString: seq }],
});
