import type { Db } from 'mongodb';
import type { PurgeCounts, Store } from '../../port.ts';
import { type MessageKey, messageKey } from '../append/session-head.ts';
import type { Connection } from '../connection/index.ts';
import {
  messagesOf,
  type PurgedSessionDocument,
  purgedSessionsOf,
  type SessionDocument,
  sessionsOf,
  summariesOf,
  usersOf,
  vectorsOf,
} from '../documents.ts';
import { countExpired, expired, findPurging, withRetired } from './expired-counts.ts';
import { FIRST_KEPT_SEQ, firstKeptSeq, giveUpRetired } from './retired-ranges.ts';
import { type Progress, removeUnbegun } from './unbegun-sessions.ts';

/**
 * The sweep for what the server's TTL monitor cannot purge: sessions with messages, and retired ranges.
 * Before a session goes, it is listed as purged, so that a crash leaves no messages that nobody would
 * find. Restoring a session, or its retired ranges, is one write to its document, and so is giving them
 * up: one of them comes first.
 */
export function mongoPurge(connection: Connection): Pick<Store, 'countExpired' | 'purge'> {
  const progress: Progress = {};
  return {
    countExpired: (cutoff) => connection.run(({ db }) => countExpired(db, cutoff)),

    async purge(cutoff, limit) {
      const unbegun = await connection.run(({ db }) => removeUnbegun(db, progress));
      return connection.run(async ({ db }): Promise<PurgeCounts> => {
        const users = await purgeUsers(db, cutoff, limit);
        const sessions = await purgeSessions(db, cutoff, limit);
        await giveUpExpired(db, cutoff, limit);
        const ofSessions = await purgeMessagesOfPurged(db, limit);
        const ofRetired = await purgeRetired(db, limit - ofSessions);
        return { sessions, messages: unbegun + ofSessions + ofRetired, users };
      });
    },
  };
}

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
const PURGED_FIELDS = { namespace: 1, session_id: 1, deleted_with_user: 1 };

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
  await listPurged(db, found);
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

async function listPurged(db: Db, sessions: readonly PurgedSessionDocument[]): Promise<void> {
  await purgedSessionsOf(db).bulkWrite(
    sessions.map(({ _id, namespace, session_id }) => ({
      updateOne: {
        filter: { _id },
        update: { $setOnInsert: { namespace, session_id } },
        upsert: true,
      },
    })),
  );
}

/** Gives up the retired ranges whose time has come: from then on nobody can put them back. */
async function giveUpExpired(db: Db, cutoff: string, limit: number): Promise<void> {
  const found = await sessionsOf(db)
    .find(withRetired(cutoff), { projection: { _id: 1 } })
    .limit(limit)
    .toArray();
  if (found.length === 0) return;
  const _id = { $in: found.map((session) => session._id) };
  const update = giveUpRetired(new Date(cutoff));
  await sessionsOf(db).updateMany({ _id, ...withRetired(cutoff) }, update);
}

/** Purges messages of purged sessions, and takes those off the list that have none left. */
async function purgeMessagesOfPurged(db: Db, limit: number): Promise<number> {
  let purged = 0;
  for (const session of await purgedSessionsOf(db).find().limit(limit).toArray()) {
    const { _id } = session;
    const there = await sessionsOf(db).findOne({ _id }, { projection: { live: 1 } });
    if (there !== null) {
      // Unless it was restored meanwhile, somebody is about to remove it.
      if (there.live === true) await purgedSessionsOf(db).deleteOne({ _id });
      continue;
    }
    const removed = await removeMessages(db, messageKey(session), limit - purged);
    purged += removed.messages;
    if (purged >= limit) break;
    if (removed.all) await purgedSessionsOf(db).deleteOne({ _id });
  }
  return purged;
}

/** Purges messages of retired ranges that were given up. */
async function purgeRetired(db: Db, limit: number): Promise<number> {
  let purged = 0;
  if (limit <= 0) return purged;
  for (const session of await findPurging(db, limit)) {
    const below = firstKeptSeq(session);
    const removed = await removeMessages(db, messageKey(session), limit - purged, below);
    purged += removed.messages;
    if (purged >= limit) break;
    if (!removed.all) continue;
    // Unless more was given up meanwhile.
    const unchanged = { _id: session._id, $expr: { $eq: [FIRST_KEPT_SEQ, below] } };
    await sessionsOf(db).updateOne(unchanged, { $unset: { purging: '' } });
  }
  return purged;
}

/**
 * Removes up to `limit` messages of a session, and with the last of them what there is of summaries and
 * vectors.
 *
 * @param below only messages whose sequence numbers are smaller, and what belongs to them
 * @returns how many were removed, and whether that was all
 */
async function removeMessages(
  db: Db,
  key: MessageKey,
  limit: number,
  below = Number.MAX_SAFE_INTEGER,
): Promise<{ messages: number; all: boolean }> {
  const those = { ...key, seq: { $lt: below } };
  const found = await messagesOf(db)
    .find(those, { projection: { _id: 1 }, limit })
    .toArray();
  const ids = found.map(({ _id }) => _id);
  const messages =
    ids.length === 0
      ? 0
      : (await messagesOf(db).deleteMany({ ...those, _id: { $in: ids } })).deletedCount;
  if (found.length >= limit) return { messages, all: false };
  await summariesOf(db).deleteMany({ ...key, up_to_seq: { $lt: below } });
  await vectorsOf(db).deleteMany(those);
  return { messages, all: true };
}
