import type { ClientSession, Db, Document, Filter, UpdateFilter } from 'mongodb';
import type { ChangedMessages, MessageStore } from '../message-port.ts';
import { findSession, type SessionRef } from './access-scope.ts';
import type { SessionHeadCache } from './append/session-head.ts';
import { ConflictError } from './append/writes.ts';
import type { Connection, Deployment } from './connection/index.ts';
import { INDEX } from './connection/indexes.ts';
import { inSession } from './connection/transaction.ts';
import {
  type MessageDocument,
  messageKey,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  vectorsOf,
} from './documents.ts';
import { toSession } from './records.ts';

/** A change of messages that leaves their places in the order as they are. */
interface Change {
  /** Whether a message counts as one of the session. */
  isPresent(message: MessageDocument): boolean;
  update: Document[];
  /** By how much each message changes the number of deleted ones. */
  step: 1 | -1;
}

/** How often to begin anew because somebody else has changed the session. */
const MAX_ATTEMPTS = 20;

/**
 * Deletes and restores single messages. The terms of a deleted one move to a field that has no index, so
 * that no search comes upon it. On a standalone server, a crash in between leaves the session's count of
 * messages wrong until the next deletion or restoration in it; nothing deleted is shown.
 */
export function createMessageDeletion(
  connection: Connection,
  heads: SessionHeadCache,
): Pick<MessageStore, 'delete' | 'restore'> {
  function apply(ref: SessionRef, uuids: readonly string[], change: Change) {
    heads.forget(ref);
    return connection.run(async (deployment): Promise<ChangedMessages> => {
      for (let count = 1; ; count++) {
        try {
          return await attempt(deployment, ref, uuids, change);
        } catch (error) {
          if (!(error instanceof ConflictError) || count === MAX_ATTEMPTS) throw error;
        }
      }
    });
  }

  async function attempt(
    { db, transactions }: Deployment,
    ref: SessionRef,
    uuids: readonly string[],
    { isPresent, update, step }: Change,
  ): Promise<ChangedMessages> {
    const session = await findSession(db, ref);
    if (session === null || session.live !== true) {
      return {
        session: session === null ? undefined : toSession(session),
        missing: [],
        changed: [],
      };
    }
    const found = await findMessages(db, session, uuids);
    const present = found.filter(isPresent);
    const known = new Set(present.map(({ uuid }) => uuid));
    const missing = uuids.filter((uuid) => !known.has(uuid));
    const isDone = ({ deleted_at }: MessageDocument) => (deleted_at !== undefined) === step > 0;
    const changed = present.filter((message) => !isDone(message));
    if (missing.length > 0) return { session: toSession(session), missing, changed: [] };
    if (changed.length === 0) {
      const counted = transactions ? session : await recount(db, session);
      return { session: toSession(counted), missing, changed: [] };
    }
    const write = async (transaction?: ClientSession) => {
      const options = inSession(transaction);
      const _id = { $in: changed.map((message) => message._id) };
      const some = { ...messageKey(session), _id } as Document;
      const unchanged = { ...some, deleted_at: { $exists: step < 0 } };
      // Others may have changed some of them meanwhile: each message is counted by one caller.
      const { modifiedCount } = await messagesOf(db).updateMany(unchanged, update, options);
      if (step > 0) await vectorsOf(db).deleteMany(some, options);
      const counted =
        transaction === undefined
          ? await recount(db, session)
          : await countDeleted(db, session, step * modifiedCount, transaction);
      return { count: modifiedCount, after: await markSummary(db, counted, transaction) };
    };
    const { count, after } = transactions ? await connection.transaction(write) : await write();
    return { session: toSession(after), missing: [], changed: changed.slice(0, count) };
  }

  return {
    delete(scope, session_id, uuids, at) {
      const deleted_at = new Date(at);
      return apply({ ...scope, session_id }, uuids, {
        isPresent: () => true,
        update: [{ $set: { deleted_at, deleted_terms: '$terms', terms: [] } }],
        step: 1,
      });
    },

    restore(scope, session_id, uuids, cutoff) {
      const oldest = cutoff === undefined ? undefined : new Date(cutoff);
      return apply({ ...scope, session_id }, uuids, {
        isPresent: ({ deleted_at }) =>
          deleted_at === undefined || oldest === undefined || deleted_at > oldest,
        update: [
          { $set: { terms: '$deleted_terms' } },
          { $unset: ['deleted_at', 'deleted_terms'] },
        ],
        step: -1,
      });
    },
  };
}

/** The messages of the live range that have some of the uuids. */
async function findMessages(
  db: Db,
  session: SessionDocument,
  uuids: readonly string[],
): Promise<MessageDocument[]> {
  const { namespace, session_id, session_uuid } = messageKey(session);
  const projection = { uuid: 1, seq: 1, content: 1, deleted_at: 1, session_uuid: 1 } as const;
  const found = await messagesOf(db)
    .find({ namespace, session_id, uuid: { $in: [...uuids] } }, { projection })
    .toArray();
  return found.filter(
    (message) =>
      message.session_uuid === session_uuid &&
      message.seq >= session.first_seq &&
      message.seq <= session.last_seq,
  );
}

/** Counts deleted messages in the session, unless it was deleted or revived since it was read. */
function countDeleted(
  db: Db,
  { _id, namespace, session_id, first_seq }: SessionDocument,
  by: number,
  transaction: ClientSession,
): Promise<SessionDocument> {
  const unchanged = { _id, namespace, session_id, live: true as const, first_seq };
  return setCount(db, unchanged, { $inc: { deleted_count: by } }, transaction);
}

/**
 * Counts the deleted messages of a session anew. Without transactions, the number would be wrong after a
 * crash, or where another call has deleted some of them in between.
 */
async function recount(db: Db, session: SessionDocument): Promise<SessionDocument> {
  const { _id, namespace, session_id, first_seq, last_seq } = session;
  const seq = { $gte: first_seq, $lte: last_seq };
  const live = await messagesOf(db).countDocuments(
    { ...messageKey(session), seq, deleted_at: { $exists: false } } as Document,
    { hint: INDEX.position },
  );
  const unchanged = { _id, namespace, session_id, live: true as const, first_seq, last_seq };
  return setCount(db, unchanged, { $set: { deleted_count: last_seq - first_seq + 1 - live } });
}

/** @throws ConflictError if the session is no longer as the filter says */
async function setCount(
  db: Db,
  unchanged: Filter<SessionDocument>,
  update: UpdateFilter<SessionDocument>,
  transaction?: ClientSession,
): Promise<SessionDocument> {
  const after = await sessionsOf(db).findOneAndUpdate(unchanged, update, {
    returnDocument: 'after',
    ...inSession(transaction),
  });
  if (after === null) throw new ConflictError();
  return after;
}

/** Marks or unmarks the summary of a session, by the deleted messages that it covers. */
async function markSummary(
  db: Db,
  session: SessionDocument,
  transaction?: ClientSession,
): Promise<SessionDocument> {
  const { _id, namespace, session_id, first_seq, summary } = session;
  if (summary === undefined) return session;
  const covered = await messagesOf(db).findOne(
    {
      ...{ session_uuid: _id, namespace, session_id },
      ...{ seq: { $gte: first_seq, $lte: summary.up_to_seq } },
      deleted_at: { $gt: summary.created_at },
    },
    { projection: { _id: 1 }, ...inSession(transaction) },
  );
  const isMarked = summary.covers_deleted_messages === true;
  if (isMarked === (covered !== null)) return session;
  const field = 'summary.covers_deleted_messages';
  const after = await sessionsOf(db).findOneAndUpdate(
    { _id, namespace, session_id, 'summary.created_at': summary.created_at },
    isMarked ? { $unset: { [field]: '' } } : { $set: { [field]: true } },
    { returnDocument: 'after', ...inSession(transaction) },
  );
  return after ?? session;
}
