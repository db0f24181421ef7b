import type { Db } from 'mongodb';
import type { Session } from '../../domain/records.ts';
import type { WriteResult } from '../common-port.ts';
import { updateOrFind } from './conditional-writes.ts';
import type { Connection, Deployment } from './connection/index.ts';
import { INDEX } from './connection/indexes.ts';
import {
  messageKey,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  userLockKey,
  vectorsOf,
} from './documents.ts';
import { countSessions, isLiveUser, liveUser } from './live-user.ts';
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
 * Gives a session to a user, then its messages. The session is marked until its messages are the user's,
 * so that a repetition of the call, or a sweep, finishes what a crash leaves undone.
 *
 * @see SessionStore.assign
 */
export function assignUser(
  connection: Connection,
  { namespace, session_id, user_id }: Assignment,
  at: string,
): Promise<WriteResult<Session> | 'user_missing'> {
  const owner = liveUser(namespace, user_id);
  const free = { namespace, session_id, live: true as const, user_id: { $exists: false } };
  // Another server that knows the session without its user has to read it again before it appends.
  const assign = {
    $set: { user_id, assigning: true as const },
    $max: { updated_at: new Date(at) },
    $inc: { fence: 1 },
  };

  /** @returns `null` if the session is not free; `undefined` if the user is not live */
  const changeTogether = ({ db, deadline }: Deployment) =>
    connection.runExclusive(userLockKey(namespace, user_id), deadline, () =>
      connection.transaction(async (session) => {
        if (!(await countSessions(db, owner, 1, session))) return undefined;
        const options = { returnDocument: 'after' as const, session };
        return sessionsOf(db).findOneAndUpdate(free, assign, options);
      }),
    );

  /** The same without transactions. */
  async function changeAlone({ db }: Deployment): Promise<SessionDocument | null | undefined> {
    if (!(await isLiveUser(db, owner))) return undefined;
    const options = { returnDocument: 'after' as const };
    const assigned = await sessionsOf(db).findOneAndUpdate(free, assign, options);
    if (assigned === null || (await isLiveUser(db, owner))) return assigned;
    // A deletion of the user meanwhile may have missed the session. If not, the session is not live.
    const { _id } = assigned;
    const missed = { _id, namespace, session_id, user_id, live: true as const };
    await sessionsOf(db).updateOne(missed, { $unset: { user_id: '', assigning: '' } });
    return undefined;
  }

  return connection.runLong(async (deployment) => {
    const { db } = deployment;
    const find = () => sessionsOf(db).findOne({ namespace, session_id });
    let isUserMissing = false;
    const { applied, document } = await updateOrFind(
      async () => {
        const change = deployment.transactions ? changeTogether : changeAlone;
        const changed = await change(deployment);
        isUserMissing = changed === undefined;
        return changed ?? null;
      },
      () => (isUserMissing ? Promise.resolve(null) : find()),
      (found) => found.live === true && found.user_id === undefined,
    );
    if (isUserMissing) return 'user_missing';
    const isOwn = document?.live === true && document.user_id === user_id;
    if (document === null || !(applied || isOwn)) {
      return { applied: false, found: document === null ? undefined : toSession(document) };
    }
    await finishAssignment(connection.unlimited, document);
    return { applied: true, record: toSession(document) };
  });
}

/** Finishes the assignments that a crash left unfinished. */
export async function finishAssignments(db: Db): Promise<void> {
  const unfinished = sessionsOf(db).find({ assigning: true }).hint(INDEX.assigning);
  for (const session of await unfinished.toArray()) await finishAssignment(db, session);
}

/** Gives all messages of a session to its user, the retired ones, too, if that is not done yet. */
async function finishAssignment(db: Db, session: SessionDocument): Promise<void> {
  const { _id, namespace, session_id, user_id, assigning, last_seq } = session;
  if (assigning === undefined || user_id === undefined) return;
  const set = { $set: { user_id } };
  for (let seq = 0; seq < last_seq; seq += BATCH_SIZE) {
    const range = { seq: { $gt: seq, $lte: seq + BATCH_SIZE } };
    const unassigned = { ...messageKey(session), ...range, user_id: { $exists: false } };
    await messagesOf(db).updateMany(unassigned, set);
  }
  await vectorsOf(db).updateMany({ ...messageKey(session), user_id: { $exists: false } }, set);
  await sessionsOf(db).updateOne(
    { _id, namespace, session_id, user_id },
    { $unset: { assigning: '' } },
  );
}
