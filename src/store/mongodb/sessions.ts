import type { Db } from 'mongodb';
import type { Session } from '../../domain/records.ts';
import type { AccessScope, WriteResult } from '../common-port.ts';
import type { NamespaceActivity, Restored, SessionQuery, SessionStore } from '../port.ts';
import { accessFilter, accessStages, findSession, type SessionRef } from './access-scope.ts';
import type { SessionHeadCache } from './append/session-head.ts';
import { assignUser } from './assign-user.ts';
import { createBatchLoader } from './batch-loader.ts';
import { insertRecord, updateOrFind } from './conditional-writes.ts';
import type { Connection } from './connection/index.ts';
import { INDEX } from './connection/indexes.ts';
import { type SessionDocument, sessionsOf } from './documents.ts';
import { createInsertOwned } from './insert-owned.ts';
import { mergeMetadata } from './merge-patch.ts';
import { findIdentifiers, findPage } from './pagination.ts';
import { restoration, toRestored } from './purge/retired-ranges.ts';
import { purgeSession } from './purge/sessions.ts';
import { SESSION_FIELDS, toSession, toSessionDocument } from './records.ts';

/**
 * The sessions collection.
 *
 * @param heads forgets sessions that change in another way than by an append
 */
export function mongoSessions(connection: Connection, heads: SessionHeadCache): SessionStore {
  async function find(db: Db, namespace: string, session_id: string): Promise<Session | undefined> {
    const found = await sessionsOf(db).findOne({ namespace, session_id });
    return found === null ? undefined : toSession(found);
  }

  async function change(
    ref: SessionRef,
    applies: (found: SessionDocument) => boolean,
    attempt: (db: Db) => Promise<SessionDocument | null>,
  ): Promise<WriteResult<Session>> {
    return connection.run(async ({ db }) => {
      const { applied, document } = await updateOrFind(
        () => attempt(db),
        () => findSession(db, ref),
        applies,
      );
      return applied
        ? { applied, record: toSession(document) }
        : { applied, found: document === null ? undefined : toSession(document) };
    });
  }

  const insertOwned = createInsertOwned(connection);

  return {
    insert(namespace, session) {
      const document = toSessionDocument(namespace, session);
      return connection.run(async (deployment) => {
        const { db, deadline } = deployment;
        let isUserMissing = false;
        const insert = async () => {
          if (document.user_id === undefined) await sessionsOf(db).insertOne(document);
          else isUserMissing = (await insertOwned(deployment, document)) === 'user_missing';
        };
        const inTheWay = () => find(db, namespace, session.session_id);
        const outcome = await insertRecord(session, insert, inTheWay, deadline);
        return isUserMissing ? 'user_missing' : outcome;
      });
    },

    find: createBatchLoader(scopeKey, (scope: AccessScope, ids) =>
      connection.run(async ({ db }) => {
        const session_id = ids.length === 1 ? (ids[0] as string) : { $in: ids };
        const found =
          scope.user_id === undefined
            ? await sessionsOf(db).find({ namespace: scope.namespace, session_id }).toArray()
            : await sessionsOf(db)
                .aggregate<SessionDocument>(accessStages(scope, { session_id }, ids.length))
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

    merge(scope, session_id, patch, at) {
      const ref = { ...scope, session_id };
      const filter = { ...accessFilter(ref), live: true };
      return change(ref, isLive, (db) =>
        mergeMetadata(sessionsOf(db), filter, patch, new Date(at)),
      );
    },

    assign(namespace, session_id, user_id, at) {
      heads.forget({ namespace, session_id });
      return assignUser(connection, { namespace, session_id, user_id }, at);
    },

    delete(scope, session_id, at) {
      const ref = { ...scope, session_id };
      heads.forget(ref);
      return change(ref, isLive, (db) =>
        sessionsOf(db).findOneAndUpdate(
          { ...accessFilter(ref), live: true },
          { $set: { live: false, deleted_at: new Date(at) } },
          { returnDocument: 'after' },
        ),
      );
    },

    restore(scope, session_id) {
      const ref = { ...scope, session_id };
      heads.forget(ref);
      const $or = [{ live: false }, { live: true, retired: { $exists: true } }];
      return connection.run(async ({ db }): Promise<WriteResult<Restored, Session>> => {
        const { applied, document } = await updateOrFind(
          () =>
            sessionsOf(db).findOneAndUpdate({ ...accessFilter(ref), $or }, restoration(), {
              returnDocument: 'before',
            }),
          () => findSession(db, ref),
          isRestorable,
        );
        return applied
          ? { applied, record: toRestored(document) }
          : { applied, found: document === null ? undefined : toSession(document) };
      });
    },

    list(namespace, query, page) {
      const { user_id } = query;
      const filter = user_id === undefined ? { namespace } : { namespace, user_id };
      return connection.run(async ({ db }) => {
        const index = indexOf(query);
        const found = await findPage(sessionsOf(db), filter, query, page, index, SESSION_FIELDS);
        return { ...found, records: found.records.map(toSession) };
      });
    },

    namespaces: (after = '', limit) =>
      connection.run(async ({ db }) => {
        const found: NamespaceActivity[] = [];
        for (let last = after; found.length < limit; ) {
          const next = await nextNamespace(db, last);
          if (next === undefined) break;
          found.push(next);
          last = next.namespace;
        }
        return found;
      }),

    purge: (namespace, sessionId, cutoff) =>
      connection.run(({ db }) => purgeSession(db, namespace, sessionId, cutoff)),

    identifiers: (namespace, prefix, limit) =>
      connection.run(({ db }) =>
        findIdentifiers(sessionsOf(db), namespace, 'session_id', prefix, limit, INDEX.prefix),
      ),
  };
}

/** Two steps in indexes, however many sessions a namespace has. */
async function nextNamespace(db: Db, after: string): Promise<NamespaceActivity | undefined> {
  const next = await sessionsOf(db).findOne(
    { namespace: { $gt: after } },
    { sort: { namespace: 1, session_id: 1 }, projection: { namespace: 1 }, hint: INDEX.identity },
  );
  if (next === null) return undefined;
  const { namespace } = next;
  const last = await sessionsOf(db).findOne(
    { namespace, live: true },
    { sort: { updated_at: -1, _id: -1 }, projection: { updated_at: 1 }, hint: INDEX.updated },
  );
  return { namespace, ...(last !== null && { updated_at: last.updated_at.toISOString() }) };
}

const scopeKey = ({ namespace, user_id }: AccessScope) => JSON.stringify([namespace, user_id]);

const isLive = ({ live }: SessionDocument) => live === true;
const isRestorable = ({ live, retired }: SessionDocument) =>
  live === false || (live === true && retired !== undefined);

function indexOf({ user_id, order_by }: SessionQuery): string {
  if (order_by === 'created_at') return user_id === undefined ? INDEX.created : INDEX.ownedCreated;
  return user_id === undefined ? INDEX.updated : INDEX.ownedUpdated;
}
