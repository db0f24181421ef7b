import type { Collection, Db, Document, Filter } from 'mongodb';
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
} from './documents.ts';
import { INDEX } from './indexes.ts';

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
          messages: sums?.messages ?? 0,
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

const expired = (cutoff: string) => ({ deleted_at: { $lte: new Date(cutoff) } });

async function purgeUsers(db: Db, cutoff: string, limit: number): Promise<number> {
  const found = await oldest(usersOf(db), expired(cutoff), limit);
  if (found.length === 0) return 0;
  const ids = found.map(({ _id }) => _id);
  const { deletedCount } = await usersOf(db).deleteMany({ _id: { $in: ids }, ...expired(cutoff) });
  return deletedCount;
}

async function purgeSessions(db: Db, cutoff: string, limit: number): Promise<number> {
  const found = await oldest(sessionsOf(db), expired(cutoff), limit);
  if (found.length === 0) return 0;
  await note(db, found.flatMap(threadsOf));
  const ids = found.map(({ _id }) => _id);
  const gone = { _id: { $in: ids }, ...expired(cutoff) };
  const { deletedCount } = await sessionsOf(db).deleteMany(gone);
  return deletedCount;
}

/** Takes threads that revived sessions left long enough ago off those sessions. */
async function noteLeftThreads(db: Db, cutoff: string, limit: number): Promise<void> {
  const before = { deleted_at: { $lte: new Date(cutoff) } };
  const found = await sessionsOf(db)
    .find({ left: { $exists: true }, 'left.deleted_at': before.deleted_at })
    .hint(INDEX.left)
    .limit(limit)
    .toArray();
  for (const { _id, namespace, session_id, left = [] } of found) {
    const old = left.filter(({ deleted_at }) => deleted_at <= before.deleted_at.$lte);
    await note(
      db,
      old.map(({ thread }) => ({ _id: thread, namespace, session_id })),
    );
    await sessionsOf(db).updateOne({ _id }, { $pull: { left: before } });
    await sessionsOf(db).updateOne({ _id, left: { $size: 0 } }, { $unset: { left: '' } });
  }
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

function oldest<T extends Document>(collection: Collection<T>, filter: Document, limit: number) {
  return collection
    .find(filter as Filter<T>)
    .sort({ deleted_at: 1 })
    .limit(limit)
    .toArray();
}
