import type { Db } from 'mongodb';
import type { Session } from '../../domain/records.ts';
import type { AccessScope, WriteResult } from '../common-port.ts';
import type { Restored, SessionQuery, SessionStore } from '../port.ts';
import { accessFilter, accessStages, findSession, type SessionRef } from './access-scope.ts';
import type { SessionHeadCache } from './append/session-head-cache.ts';
import { createBatchLoader } from './batch-loader.ts';
import { updateOrFind } from './conditional-update.ts';
import { isDuplicateKey } from './connection/errors.ts';
import type { Connection, Deployment } from './connection/index.ts';
import { INDEX } from './connection/indexes.ts';
import {
  SESSION_FIELDS,
  type SessionDocument,
  sessionsOf,
  toSession,
  toSessionDocument,
  usersOf,
} from './documents.ts';
import { userLockKey } from './keyed-mutex.ts';
import { mergeMetadata } from './merge-patch.ts';
import { findIdentifiers, findPage } from './pagination.ts';
import { purgeSession } from './purge/index.ts';
import { restoration, toRestored } from './purge/retired-ranges.ts';

/** The sessions collection. */
export function mongoSessions(connection: Connection, ends: SessionHeadCache): SessionStore {
  async function find(db: Db, namespace: string, session_id: string): Promise<Session | undefined> {
    const found = await sessionsOf(db).findOne({ namespace, session_id });
    return found === null ? undefined : toSession(found);
  }

  async function change(
    target: SessionRef,
    applies: (found: SessionDocument) => boolean,
    attempt: (db: Db) => Promise<SessionDocument | null>,
  ): Promise<WriteResult<Session>> {
    return connection.run(async ({ db }) => {
      const look = () => findSession(db, target);
      const { applied, document } = await updateOrFind(() => attempt(db), look, applies);
      return applied
        ? { applied, record: toSession(document) }
        : { applied, found: document === null ? undefined : toSession(document) };
    });
  }

  /** Adds a session under a user, so that no deletion of the user can pass between the two. */
  async function insertOwned(
    { db, transactions, deadline }: Deployment,
    document: SessionDocument,
  ): Promise<'added' | 'user_missing'> {
    const { namespace, user_id } = document;
    const owner = { namespace, user_id: user_id as string, live: true };
    const sessions = sessionsOf(db);
    if (transactions) {
      const touch = { $inc: { sessions_added: 1 } };
      return connection.runExclusive(userLockKey(namespace, owner.user_id), deadline, () =>
        connection.transaction(async (session) => {
          const user = await usersOf(db).updateOne(owner, touch, { session });
          if (user.matchedCount === 0) return 'user_missing';
          await sessions.insertOne(document, { session });
          return 'added';
        }),
      );
    }
    const isLive = async () => (await usersOf(db).findOne(owner)) !== null;
    if (!(await isLive())) return 'user_missing';
    await sessions.insertOne(document);
    if (await isLive()) return 'added';
    await sessions.deleteOne({ _id: document._id, empty: true });
    return 'user_missing';
  }

  return {
    insert(namespace, session) {
      const document = toSessionDocument(namespace, session);
      return connection.run(async (deployment) => {
        const { db } = deployment;
        try {
          if (document.user_id === undefined) await sessionsOf(db).insertOne(document);
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

    find: createBatchLoader(inReach, (reach: AccessScope, ids) =>
      connection.run(async ({ db }) => {
        const session_id = ids.length === 1 ? (ids[0] as string) : { $in: ids };
        const found =
          reach.user_id === undefined
            ? await sessionsOf(db).find({ namespace: reach.namespace, session_id }).toArray()
            : await sessionsOf(db)
                .aggregate<SessionDocument>(accessStages(reach, { session_id }, ids.length))
                .toArray();
        return new Map(found.map((document) => [document.session_id, toSession(document)]));
      }),
    ),

    owner: (namespace, session_id) =>
      connection.run(async ({ db }) => {
        const projection = { _id: 0, user_id: 1 } as const;
        const found = await sessionsOf(db).findOne({ namespace, session_id }, { projection });
        if (found === null) return undefined;
        return found.user_id === undefined ? {} : { user_id: found.user_id };
      }),

    merge(reach, session_id, patch, at) {
      const target = { ...reach, session_id };
      const filter = { ...accessFilter(target), live: true };
      return change(target, isLive, (db) =>
        mergeMetadata(sessionsOf(db), filter, patch, new Date(at)),
      );
    },

    delete(reach, session_id, at) {
      const target = { ...reach, session_id };
      ends.forget(target);
      return change(target, isLive, (db) =>
        sessionsOf(db).findOneAndUpdate(
          { ...accessFilter(target), live: true },
          { $set: { live: false, deleted_at: new Date(at) } },
          { returnDocument: 'after' },
        ),
      );
    },

    restore(reach, session_id) {
      const target = { ...reach, session_id };
      ends.forget(target);
      const $or = [{ live: false }, { live: true, retired: { $exists: true } }];
      return connection.run(async ({ db }): Promise<WriteResult<Restored, Session>> => {
        const { applied, document } = await updateOrFind(
          () =>
            sessionsOf(db).findOneAndUpdate({ ...accessFilter(target), $or }, restoration(), {
              returnDocument: 'before',
            }),
          () => findSession(db, target),
          isRestorable,
        );
        return applied
          ? { applied, record: toRestored(document) }
          : { applied, found: document === null ? undefined : toSession(document) };
      });
    },

    list(namespace, query, window) {
      const filter = owned(namespace, query);
      return connection.run(async ({ db }) => {
        const page = await findPage(
          sessionsOf(db),
          filter,
          query,
          window,
          indexOf(query),
          SESSION_FIELDS,
        );
        return { ...page, records: page.records.map(toSession) };
      });
    },

    purge: (namespace, sessionId, cutoff) =>
      connection.run(({ db }) => purgeSession(db, namespace, sessionId, cutoff)),

    identifiers: (namespace, prefix, limit) =>
      connection.run(({ db }) =>
        findIdentifiers(sessionsOf(db), namespace, 'session_id', prefix, limit, INDEX.prefix),
      ),
  };
}

const inReach = ({ namespace, user_id }: AccessScope) => JSON.stringify([namespace, user_id]);

const isLive = ({ live }: SessionDocument) => live === true;
const isRestorable = ({ live, retired }: SessionDocument) =>
  live === false || (live === true && retired !== undefined);

function owned(namespace: string, { user_id }: SessionQuery) {
  return user_id === undefined ? { namespace } : { namespace, user_id };
}

function indexOf({ user_id, order_by }: SessionQuery): string {
  if (order_by === 'created_at') return user_id === undefined ? INDEX.created : INDEX.ownedCreated;
  return user_id === undefined ? INDEX.updated : INDEX.ownedUpdated;
}
