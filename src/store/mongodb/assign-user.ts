import type { Db } from 'mongodb';
import type { Session } from '../../domain/records.ts';
import type { WriteResult } from '../common-port.ts';
import { updateOrFind } from './conditional-writes.ts';
import type { Connection, Deployment } from './connection/index.ts';
import { inSession } from './connection/transaction.ts';
import {
  messageKey,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  userLockKey,
  usersOf,
  vectorsOf,
} from './documents.ts';
import { toSession } from './records.ts';

/** How many messages one command changes. */
const BATCH_SIZE = 500;

/** The session that is given to a user. */
interface Assignment {
  namespace: string;
  session_id: string;
  user_id: string;
}

/**
 * Gives a session to a user, then its messages. What a crash leaves undone is done by a repetition of the
 * call, which nobody has acknowledged.
 *
 * @see SessionStore.assign
 */
export function assignUser(
  connection: Connection,
  { namespace, session_id, user_id }: Assignment,
  at: string,
): Promise<WriteResult<Session> | 'user_missing'> {
  const owner = { namespace, user_id, live: true };
  const $or = [{ user_id: { $exists: false } }, { user_id }];
  const free = { namespace, session_id, live: true as const, $or };
  // Another server that knows the session without its user has to read it again before it appends.
  const assign = { $set: { user_id }, $max: { updated_at: new Date(at) }, $inc: { fence: 1 } };

  /** @returns `null` if the session is not free; `undefined` if the user is not live */
  async function change(deployment: Deployment): Promise<SessionDocument | null | undefined> {
    const { db, deadline, transactions } = deployment;
    const options = { returnDocument: 'after' as const };
    if (transactions) {
      return connection.runExclusive(userLockKey(namespace, user_id), deadline, () =>
        connection.transaction(async (session) => {
          // A write, so that a deletion of the user at the same time conflicts with it.
          const touch = { $inc: { sessions_added: 1 } };
          const { matchedCount } = await usersOf(db).updateOne(owner, touch, inSession(session));
          if (matchedCount === 0) return undefined;
          return sessionsOf(db).findOneAndUpdate(free, assign, {
            ...options,
            ...inSession(session),
          });
        }),
      );
    }
    const userIsLive = async () => (await usersOf(db).findOne(owner)) !== null;
    if (!(await userIsLive())) return undefined;
    const assigned = await sessionsOf(db).findOneAndUpdate(free, assign, options);
    if (assigned === null || (await userIsLive())) return assigned;
    // A deletion of the user meanwhile may have missed the session.
    const { _id } = assigned;
    await sessionsOf(db).updateOne({ _id, namespace, session_id }, { $unset: { user_id: '' } });
    return undefined;
  }

  return connection.runLong(async (deployment) => {
    const { db } = deployment;
    let isUserMissing = false;
    const { applied, document } = await updateOrFind(
      async () => {
        const changed = await change(deployment);
        isUserMissing = changed === undefined;
        return changed ?? null;
      },
      () =>
        isUserMissing ? Promise.resolve(null) : sessionsOf(db).findOne({ namespace, session_id }),
      (found) => found.live === true && (found.user_id ?? user_id) === user_id,
    );
    if (isUserMissing) return 'user_missing';
    if (!applied) {
      return { applied, found: document === null ? undefined : toSession(document) };
    }
    await assignMessages(connection.unlimited, document, user_id);
    return { applied, record: toSession(document) };
  });
}

/** Gives all messages of a session to a user, the retired ones, too. */
async function assignMessages(db: Db, session: SessionDocument, user_id: string): Promise<void> {
  const set = { $set: { user_id } };
  for (let seq = 0; seq < session.last_seq; seq += BATCH_SIZE) {
    const range = { seq: { $gt: seq, $lte: seq + BATCH_SIZE } };
    const unassigned = { ...messageKey(session), ...range, user_id: { $exists: false } };
    await messagesOf(db).updateMany(unassigned, set);
  }
  await vectorsOf(db).updateMany({ ...messageKey(session), user_id: { $exists: false } }, set);
}
