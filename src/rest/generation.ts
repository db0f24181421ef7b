import type { z } from 'zod';
import type { Message, Session, User } from '../domain/records.ts';

/** A record as a generation of the clients knows it. */
export interface View<Stored, Schema extends z.ZodType = z.ZodType> {
  schema: Schema;
  show(stored: Stored): z.input<Schema>;
}

/** What differs between the generations of the clients where they have the same routes. */
export interface Generation {
  prefix: '/api/v1' | '/api/v2';
  /** The path of users, behind the prefix. */
  users: '/user' | '/users';
  session: View<Session>;
  user: View<User>;
  message: View<Message>;
  /** The answer to a request that returns no record. */
  done: View<void>;
}

/** Makes sure that a view shows what its schema says. */
export const defineView = <Stored, Schema extends z.ZodType>(
  schema: Schema,
  show: (stored: Stored) => z.input<Schema>,
): View<Stored, Schema> => ({ schema, show });
