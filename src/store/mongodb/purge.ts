import type { Db } from 'mongodb';
import type { PurgeCounts, Store } from '../store.ts';
import type { Connection } from './connection.ts';
import {
  type LeftThreadDocument,
  leftThreadsOf,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  summariesOf,
  usersOf,
  vectorsOf,
} from './documents.ts';

/**
 * The sweep for what the server's TTL monitor cannot purge: sessions with messages. Before a session
 * goes, its threads are noted as left, so that a crash leaves no messages that nobody would find.
 * Restoring a session is one write to its document, and so is purging it: one of them comes first.
 */
export function mongoPurge(connection: Connection): Pick<Store, 'countExpired' | 'purge'> {
  return {
    countExpired(cutoff) {
      return connection.run(async ({ db }): Promise<PurgeCounts> => {
        const [sums] = await sessionsOf(db)
          .aggregate<{ sessions: number; messages: number }>([
            { $match: expired(cutoff) },
            {
              $group: {
                _id: null,
                sessions: { $sum: 1 },
                messages: { $sum: { $subtract: ['$last_seq', '$base_seq'] } },
              },
            },
          ])
          .toArray();
        return {
          sessions: sums?.sessions ?? 0,
          messages: (sums?.messages ?? 0) + (await countLeft(db, cutoff)),
          users: await usersOf(db).countDocuments(expired(cutoff)),
        };
      });
    },

    purge(cutoff, limit) {
      return connection.run(async ({ db }): Promise<PurgeCounts> => {
        const users = await purgeUsers(db, cutoff, limit);
        const sessions = await purgeSessions(db, cutoff, limit);
        await noteLeftThreads(db, cutoff, limit);
        const messages = await purgeMessages(db, cutoff, limit);
        return { sessions, messages, users };
      });
    },
  };
}

/** How many left threads a dry run looks into. */
const MAX_COUNTED = 10_000;

const expired = (cutoff: string) => ({ deleted_at: { $lte: new Date(cutoff) } });

async function purgeUsers(db: Db, cutoff: string, limit: number): Promise<number> {
  const found = await usersOf(db)
    .find(expired(cutoff), { projection: { _id: 1 } })
    .sort({ deleted_at: 1 })
    .limit(limit)
    .toArray();
  if (found.length === 0) return 0;
  const ids = found.map(({ _id }) => _id);
  const { deletedCount } = await usersOf(db).deleteMany({ _id: { $in: ids }, ...expired(cutoff) });
  return deletedCount;
}

/** What of a session a purge has to know. */
const PURGED_FIELDS = { namespace: 1, session_id: 1, thread: 1, left: 1, deleted_with_user: 1 };

async function purgeSessions(db: Db, cutoff: string, limit: number): Promise<number> {
  const found = await sessionsOf(db)
    .find(expired(cutoff), { projection: PURGED_FIELDS })
    .sort({ deleted_at: 1 })
    .limit(limit)
    .toArray();
  return purgeFound(db, await withoutUsers(db, found), cutoff);
}

/** Purges one session, if it was soft-deleted by the cutoff. */
export async function purgeSession(
  db: Db,
  namespace: string,
  session_id: string,
  cutoff: string,
): Promise<void> {
  const one = { namespace, session_id, ...expired(cutoff) };
  const found = await sessionsOf(db).find(one, { projection: PURGED_FIELDS }).toArray();
  await purgeFound(db, await withoutUsers(db, found), cutoff);
}

async function purgeFound(db: Db, found: SessionDocument[], cutoff: string): Promise<number> {
  if (found.length === 0) return 0;
  await note(db, found.flatMap(threadsOf));
  const ids = found.map(({ _id }) => _id);
  const gone = { _id: { $in: ids }, ...expired(cutoff) };
  const { deletedCount } = await sessionsOf(db).deleteMany(gone);
  return deletedCount;
}

/** Sessions deleted with their user go after it: until then, restoring the user restores all. */
async function withoutUsers(db: Db, sessions: SessionDocument[]): Promise<SessionDocument[]> {
  const users = sessions.flatMap(({ deleted_with_user }) => deleted_with_user ?? []);
  if (users.length === 0) return sessions;
  const there = await usersOf(db)
    .find({ _id: { $in: [...new Set(users)] } }, { projection: { _id: 1 } })
    .toArray();
  const kept = new Set(there.map(({ _id }) => _id));
  return sessions.filter(({ deleted_with_user }) => !kept.has(deleted_with_user ?? ''));
}

/** Takes threads that revived sessions left long enough ago off those sessions. */
async function noteLeftThreads(db: Db, cutoff: string, limit: number): Promise<void> {
  for (const { _id, namespace, session_id, left } of await findLeft(db, cutoff, limit)) {
    await note(
      db,
      left.map(({ thread }) => ({ _id: thread, namespace, session_id })),
    );
    await sessionsOf(db).updateOne({ _id }, { $pull: { left: expired(cutoff) } });
    await sessionsOf(db).updateOne({ _id, left: { $size: 0 } }, { $unset: { left: '' } });
  }
}

/** How many messages are in threads that are left and not purged yet. */
async function countLeft(db: Db, cutoff: string): Promise<number> {
  const noted = await leftThreadsOf(db).find().limit(MAX_COUNTED).toArray();
  const left = (await findLeft(db, cutoff, MAX_COUNTED)).flatMap(
    ({ namespace, session_id, left: threads }) =>
      threads.map(({ thread }) => ({ _id: thread, namespace, session_id })),
  );
  let messages = 0;
  for (const { _id: thread, namespace, session_id } of [...noted, ...left]) {
    messages += await messagesOf(db).countDocuments({ namespace, session_id, thread });
  }
  return messages;
}

/** Sessions with the threads that they left by the cutoff. */
async function findLeft(db: Db, cutoff: string, limit: number) {
  const before = new Date(cutoff);
  const found = await sessionsOf(db)
    .find({ left: { $exists: true }, 'left.deleted_at': { $lte: before } })
    .project<Pick<SessionDocument, '_id' | 'namespace' | 'session_id' | 'left'>>(PURGED_FIELDS)
    .limit(limit)
    .toArray();
  return found.map(({ left = [], ...session }) => ({
    ...session,
    left: left.filter(({ deleted_at }) => deleted_at <= before),
  }));
}

/** Purges messages of left threads, and the notes that this empties. */
async function purgeMessages(db: Db, cutoff: string, limit: number): Promise<number> {
  let purged = 0;
  const notes = await leftThreadsOf(db).find().limit(limit).toArray();
  for (const { _id: thread, namespace, session_id } of notes) {
    const key = { namespace, session_id, thread };
    const owner = await sessionsOf(db).findOne({ namespace, session_id });
    if (owner !== null && threadsOf(owner).some(({ _id }) => _id === thread)) {
      // Restored before it could be purged. If it is still expired, somebody is about to purge it.
      const still = owner.deleted_at !== undefined && owner.deleted_at <= new Date(cutoff);
      if (!still) await leftThreadsOf(db).deleteOne({ _id: thread });
      continue;
    }
    const found = await messagesOf(db)
      .find(key, { projection: { _id: 1 }, limit: limit - purged })
      .toArray();
    if (found.length > 0) {
      const ids = found.map(({ _id }) => _id);
      purged += (await messagesOf(db).deleteMany({ ...key, _id: { $in: ids } })).deletedCount;
    }
    if (purged >= limit) break;
    await summariesOf(db).deleteMany(key);
    await vectorsOf(db).deleteMany(key);
    await leftThreadsOf(db).deleteOne({ _id: thread });
  }
  return purged;
}

function threadsOf({
  namespace,
  session_id,
  thread,
  left = [],
}: SessionDocument): LeftThreadDocument[] {
  const all = [...(thread === undefined ? [] : [thread]), ...left.map((entry) => entry.thread)];
  return all.map((_id) => ({ _id, namespace, session_id }));
}

async function note(db: Db, threads: LeftThreadDocument[]): Promise<void> {
  if (threads.length === 0) return;
  await leftThreadsOf(db).bulkWrite(
    threads.map(({ _id, ...rest }) => ({
      updateOne: { filter: { _id }, update: { $setOnInsert: rest }, upsert: true },
    })),
  );
}
