import type { Collection, Db } from 'mongodb';
import type { User } from '../../domain/records.ts';
import type { UserStore } from '../store.ts';
import type { Connection } from './connection.ts';
import { isDuplicateKey } from './errors.ts';
import { fromStored, toStored } from './metadata.ts';

/** A user as it is stored; `_id` is its uuid. */
export interface UserDocument {
  _id: string;
  namespace: string;
  user_id: string;
  email?: string;
  first_name?: string;
  last_name?: string;
  metadata: unknown;
  created_at: Date;
  updated_at: Date;
  deleted_at?: Date;
  /** Counts the sessions added. Being written by each of them, it makes a deletion conflict with them. */
  sessions_added: number;
  revision: number;
}

export const userCollection = (db: Db): Collection<UserDocument> => db.collection('users');

/** The users collection. */
export function mongoUsers(connection: Connection): UserStore {
  return {
    insert(namespace, user) {
      const { uuid, metadata, created_at, updated_at, deleted_at: _, ...rest } = user;
      return connection.run(async ({ db }) => {
        const users = userCollection(db);
        try {
          await users.insertOne({
            _id: uuid,
            namespace,
            ...rest,
            metadata: toStored(metadata),
            created_at: new Date(created_at),
            updated_at: new Date(updated_at),
            sessions_added: 0,
            revision: 0,
          } as UserDocument);
          return { applied: true, record: user };
        } catch (error) {
          if (!isDuplicateKey(error)) throw error;
        }
        const found = await users.findOne({ namespace, user_id: user.user_id });
        if (found?._id === uuid) return { applied: true, record: user };
        return { applied: false, found: found === null ? undefined : toUser(found) };
      });
    },

    find(namespace, userId) {
      return connection.run(async ({ db }) => {
        const found = await userCollection(db).findOne({ namespace, user_id: userId });
        return found === null ? undefined : toUser(found);
      });
    },
  };
}

function toUser(document: UserDocument): User {
  const { _id, user_id, email, first_name, last_name, metadata } = document;
  const { created_at, updated_at, deleted_at } = document;
  return {
    user_id,
    uuid: _id,
    ...(email !== undefined && { email }),
    ...(first_name !== undefined && { first_name }),
    ...(last_name !== undefined && { last_name }),
    metadata: fromStored(metadata),
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
    ...(deleted_at !== undefined && { deleted_at: deleted_at.toISOString() }),
  };
}
