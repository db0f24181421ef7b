import type { ClientSession, Collection, Db, Filter } from 'mongodb';
import type { Window } from '../../domain/pages.ts';
import type { Session } from '../../domain/records.ts';
import type { Change, SessionQuery, SessionStore } from '../store.ts';
import type { Connection, Deployment } from './connection.ts';
import { isDuplicateKey } from './errors.ts';
import { INDEX } from './indexes.ts';
import { mergeMetadata } from './merge-patch.ts';
import { fromStored, toStored } from './metadata.ts';
import { userCollection } from './users.ts';

/** A session as it is stored; `_id` is its uuid. */
export interface SessionDocument {
  _id: string;
  namespace: string;
  session_id: string;
  user_id?: string;
  metadata: unknown;
  created_at: Date;
  updated_at: Date;
  /** The opposite of having `deleted_at`, in a form that an index can start with. */
  live: boolean;
  deleted_at?: Date;
  /** Deleted together with its user, and to be restored together with it. */
  deleted_with_user?: true;
  message_count: number;
  last_message_at?: Date;
  revision: number;
}

export const sessionCollection = (db: Db): Collection<SessionDocument> => db.collection('sessions');

/** The sessions collection. */
export function mongoSessions(connection: Connection): SessionStore {
  async function find(db: Db, namespace: string, session_id: string): Promise<Session | undefined> {
    const found = await sessionCollection(db).findOne({ namespace, session_id });
    return found === null ? undefined : toSession(found);
  }

  async function changed(
    db: Db,
    namespace: string,
    sessionId: string,
    document: SessionDocument | null,
  ): Promise<Change<Session>> {
    return document === null
      ? { applied: false, found: await find(db, namespace, sessionId) }
      : { applied: true, record: toSession(document) };
  }

  /** Adds a session under a user, so that no deletion of the user can pass between the two. */
  async function insertOwned(
    { db, transactions }: Deployment,
    document: SessionDocument,
  ): Promise<'added' | 'user_missing'> {
    const { namespace, user_id } = document;
    const owner = { namespace, user_id: user_id as string, deleted_at: { $exists: false } };
    const sessions = sessionCollection(db);
    if (transactions) {
      return connection.transaction(async (session) => {
        const user = await userCollection(db).updateOne(
          owner,
          { $inc: { sessions_added: 1 } },
          { session },
        );
        if (user.matchedCount === 0) return 'user_missing';
        await insertOnce(sessions, document, session);
        return 'added';
      });
    }
    const isLive = async () => (await userCollection(db).findOne(owner)) !== null;
    if (!(await isLive())) return 'user_missing';
    await insertOnce(sessions, document);
    if (await isLive()) return 'added';
    await sessions.deleteOne({ _id: document._id });
    return 'user_missing';
  }

  return {
    insert(namespace, session) {
      const document = toDocument(namespace, session);
      return connection.run(async (deployment) => {
        const { db } = deployment;
        try {
          if (document.user_id === undefined) await insertOnce(sessionCollection(db), document);
          else if ((await insertOwned(deployment, document)) === 'user_missing') {
            return 'user_missing';
          }
          return { applied: true, record: session };
        } catch (error) {
          if (!isDuplicateKey(error)) throw error;
        }
        const found = await find(db, namespace, session.session_id);
        // An earlier attempt of this very call may have got through without our hearing of it.
        if (found?.uuid === session.uuid) return { applied: true, record: found };
        return { applied: false, found };
      });
    },

    find: (namespace, sessionId) => connection.run(({ db }) => find(db, namespace, sessionId)),

    merge(namespace, sessionId, patch, at) {
      const filter = { namespace, session_id: sessionId, live: true };
      return connection.run(async ({ db }) => {
        const merged = await mergeMetadata(sessionCollection(db), filter, patch, new Date(at));
        return changed(db, namespace, sessionId, merged);
      });
    },

    delete(namespace, sessionId, at) {
      return connection.run(async ({ db }) => {
        const deleted = await sessionCollection(db).findOneAndUpdate(
          { namespace, session_id: sessionId, live: true },
          { $set: { live: false, deleted_at: new Date(at) } },
          { returnDocument: 'after' },
        );
        return changed(db, namespace, sessionId, deleted);
      });
    },

    restore(namespace, sessionId) {
      return connection.run(async ({ db }) => {
        const restored = await sessionCollection(db).findOneAndUpdate(
          {
            namespace,
            session_id: sessionId,
            live: false,
            deleted_with_user: { $exists: false },
          },
          { $set: { live: true }, $unset: { deleted_at: '' } },
          { returnDocument: 'after' },
        );
        return changed(db, namespace, sessionId, restored);
      });
    },

    list(namespace, query, window) {
      const direction = query.order === 'asc' ? 1 : -1;
      return connection.run(async ({ db }) => {
        const cursor = sessionCollection(db)
          .find({ ...filterOf(namespace, query), ...beyond(query, window) })
          .hint(indexOf(query))
          .sort({ [query.order_by]: direction, _id: direction })
          .limit(window.limit);
        if ('offset' in window) cursor.skip(window.offset);
        return (await cursor.toArray()).map(toSession);
      });
    },

    count(namespace, query) {
      return connection.run(({ db }) =>
        sessionCollection(db).countDocuments(filterOf(namespace, query), { hint: indexOf(query) }),
      );
    },

    identifiers(namespace, prefix, limit) {
      return connection.run(async ({ db }) => {
        const range = { $gte: prefix, $lt: `${prefix}\u{10FFFF}\u{10FFFF}` };
        const found = await sessionCollection(db)
          .find({ namespace, live: true, session_id: range })
          .hint(INDEX.sessionPrefix)
          .sort({ session_id: 1 })
          .limit(limit)
          .project<{ session_id: string }>({ _id: 0, session_id: 1 })
          .toArray();
        return found.map(({ session_id }) => session_id);
      });
    },
  };
}

async function insertOnce(
  sessions: Collection<SessionDocument>,
  document: SessionDocument,
  session?: ClientSession,
): Promise<void> {
  await sessions.insertOne(document, session === undefined ? {} : { session });
}

function filterOf(namespace: string, query: SessionQuery): Filter<SessionDocument> {
  return {
    namespace,
    ...(query.user_id !== undefined && { user_id: query.user_id }),
    live: query.deleted === 'exclude',
  };
}

/**
 * What lies behind the cursor. The range keeps the scan to one stretch of one index; the condition
 * beside it only drops records of the very same millisecond.
 */
function beyond({ order_by, order }: SessionQuery, window: Window): Filter<SessionDocument> {
  if (!('after' in window) || window.after === undefined) return {};
  const { key } = window.after;
  const value = new Date(window.after.value);
  return order === 'asc'
    ? { [order_by]: { $gte: value }, $or: [{ [order_by]: { $gt: value } }, { _id: { $gt: key } }] }
    : { [order_by]: { $lte: value }, $or: [{ [order_by]: { $lt: value } }, { _id: { $lt: key } }] };
}

function indexOf({ user_id, order_by }: SessionQuery): string {
  if (order_by === 'created_at') return user_id === undefined ? INDEX.created : INDEX.userCreated;
  return user_id === undefined ? INDEX.updated : INDEX.userUpdated;
}

function toDocument(namespace: string, session: Session): SessionDocument {
  const { session_id, uuid, user_id, metadata, created_at, updated_at } = session;
  return {
    _id: uuid,
    namespace,
    session_id,
    ...(user_id !== undefined && { user_id }),
    metadata: toStored(metadata),
    created_at: new Date(created_at),
    updated_at: new Date(updated_at),
    live: true,
    message_count: 0,
    revision: 0,
  };
}

function toSession(document: SessionDocument): Session {
  const { _id, session_id, user_id, metadata, message_count } = document;
  const { created_at, updated_at, deleted_at, last_message_at } = document;
  return {
    session_id,
    uuid: _id,
    ...(user_id !== undefined && { user_id }),
    metadata: fromStored(metadata),
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
    ...(deleted_at !== undefined && { deleted_at: deleted_at.toISOString() }),
    message_count,
    ...(last_message_at !== undefined && { last_message_at: last_message_at.toISOString() }),
  };
}
