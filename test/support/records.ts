import { randomUUID } from 'node:crypto';

/** A user record, as a store takes it. */
export const userRecord = (user_id: string) => ({
  user_id,
  uuid: randomUUID(),
  metadata: {},
  created_at: '2100-01-01T00:00:00.000Z',
  updated_at: '2100-01-01T00:00:00.000Z',
});

/** `count` messages with different contents. */
export const numberedMessages = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ role: 'user', content: `message ${i}` }));

/** The arguments of a list: the newest of the live records. */
export const NEWEST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;

/** The same with the total count. */
export const COUNTED = { ...NEWEST, include_total: true };
