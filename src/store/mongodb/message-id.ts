import type { Document } from 'mongodb';
import type { MessagePlace } from '../search-store.ts';

/** The `_id` of a message, and of its vector: in a thread, a place is taken once. */
export const messageId = ({ thread, seq }: Pick<MessagePlace, 'thread' | 'seq'>) =>
  `${thread}@${seq}`;

/** The same as an expression of the server, on a session; `seq` is one as well. */
export const messageIdOf = (seq: unknown): Document => ({
  $concat: ['$thread', '@', { $toString: seq }],
});
