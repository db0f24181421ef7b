import type { ClientSession, Db, Document } from 'mongodb';
import { MongoBulkWriteError, MongoClientBulkWriteError } from 'mongodb';
import { lastTime } from '../../last-time.ts';
import type { Append } from '../../message-port.ts';
import { GUARANTEES } from '../connection/client.ts';
import { bulkWriteFailure, isDuplicateKey, isUnsupported } from '../connection/errors.ts';
import { type Deployment, timeLimit } from '../connection/index.ts';
import { inSession } from '../connection/transaction.ts';
import { type MessageDocument, messageKey, messagesOf, sessionsOf } from '../documents.ts';
import { FIRST_KEPT_SEQ, retiredOnRevival } from '../purge/retired-ranges.ts';
import type { SessionHead } from './session-head.ts';
import { ConflictError, type Existing, TakenError, updateExisting } from './writes.ts';

/** How much time a command needs at least, in milliseconds. */
export const MIN_TIME_MS = 100;

/** The write that makes messages behind the head part of their session. */
export interface Commit {
  filter: Document;
  update: Document;
  upsert: boolean;
}

/** What a write goes through. */
export interface WriteContext extends Deployment {
  server: { refusesBulkWrite: boolean };
  transaction(work: (session: ClientSession) => Promise<void>): Promise<void>;
}

/** @param count how many messages are added */
export function commitOf(head: SessionHead, count: number, appends: readonly Append[]): Commit {
  const { _id, namespace, session_id, first_seq, deleted, fence, summarized = null } = head;
  const last_seq = head.last_seq + count;
  const at = new Date(Math.max(...appends.map((append) => Date.parse(append.at))));
  const spokenAt = new Date(Math.max(...appends.map(lastTime)));
  const known = { _id, namespace, session_id, last_seq: head.last_seq, fence };
  if (head.isNew) {
    const created_at = new Date(appends[0]?.at as string);
    const times = { created_at, updated_at: at, last_message_at: spokenAt };
    const $setOnInsert = { ...times, metadata: {}, live: true, first_seq, last_seq, revision: 0 };
    return { filter: { _id, namespace, session_id }, update: { $setOnInsert }, upsert: true };
  }
  if (deleted === undefined) {
    const times = { updated_at: at, last_message_at: spokenAt };
    return {
      // Also what is part of the answer. `null` stands for none.
      filter: {
        ...{ ...known, live: true, first_seq, 'summary.up_to_seq': summarized },
        deleted_count: head.deleted_count ?? null,
      },
      update: { $set: { last_seq }, $max: times },
      upsert: false,
    };
  }
  const kept = { $expr: { $eq: [FIRST_KEPT_SEQ, deleted.kept_seq] } };
  const $set = {
    ...{ live: true, first_seq, last_seq, retired: retiredOnRevival() },
    ...{ deleted_at: '$$REMOVE', summary: '$$REMOVE', deleted_count: '$$REMOVE' },
    revived_by: { $literal: head.revived_by },
    updated_at: { $max: ['$updated_at', at] },
    last_message_at: { $max: ['$last_message_at', spokenAt] },
  };
  const before = { live: false, first_seq: deleted.first_seq, deleted_at: deleted.deleted_at };
  return { filter: { ...known, ...kept, ...before }, update: [{ $set }], upsert: false };
}

/**
 * Inserts messages behind the head and commits them. Updates in place come in between: after a failure, a
 * repetition of the append does them again.
 *
 * @throws ConflictError if that failed, and will not succeed later
 */
export async function write(
  context: WriteContext,
  documents: MessageDocument[],
  commit: Commit,
  change: { existing: Existing; append: Append },
): Promise<void> {
  const { live, retired } = change.existing;
  const { db, deadline, server, orderedWrites, transactions } = context;
  const isUpdate = live.size + retired.length > 0;
  const isOneCommand = orderedWrites && !server.refusesBulkWrite && !isUpdate;
  try {
    if (isOneCommand) {
      const { namespace } = messagesOf(db);
      const models = documents.map((document) => {
        return { name: 'insertOne' as const, namespace, document };
      });
      const last = { name: 'updateOne' as const, namespace: sessionsOf(db).namespace, ...commit };
      type Stored = Record<string, { _id: string }>;
      const options = { ...timeLimit(deadline), writeConcern: GUARANTEES.writeConcern };
      return assertDone(await db.client.bulkWrite<Stored>([...models, last], options));
    }
    const update = (session?: ClientSession) =>
      updateExisting(db, change.existing, change.append, session);
    const move = (session?: ClientSession) => {
      const { filter, update, upsert } = commit;
      const options = { upsert, ...inSession(session) };
      return sessionsOf(db).updateOne(filter, update, options);
    };
    if (documents.length === 0) {
      // The session stays free: a transaction whose client is killed blocks what it wrote for a minute.
      await (transactions && live.size > 1 ? context.transaction(update) : update());
      // Sets its times. If the head has moved meanwhile, another writer has set them.
      await move();
      return;
    }
    await messagesOf(db).insertMany(documents);
    const finish = async (session?: ClientSession) => {
      if (isUpdate) await update(session);
      assertDone(await move(session));
    };
    await (isUpdate && transactions ? context.transaction(finish) : finish());
  } catch (error) {
    const failure = bulkWriteFailure(error);
    if (isUnsupported(failure) && isOneCommand) {
      server.refusesBulkWrite = true;
      return write(context, documents, commit, change);
    }
    if (!isDuplicateKey(failure)) throw failure;
    if (error instanceof MongoBulkWriteError) throw new TakenError(error.insertedCount);
    if (!(error instanceof MongoClientBulkWriteError)) throw new TakenError();
    throw new TakenError(error.partialResult?.insertedCount);
  }
}

function assertDone(result: { matchedCount: number; upsertedCount: number }): void {
  if (result.matchedCount + result.upsertedCount === 0) throw new ConflictError();
}

/** Removes messages that were not committed. A message of another writer has another uuid or fence. */
export async function removeOwn(
  db: Db,
  head: SessionHead,
  documents: readonly MessageDocument[],
): Promise<void> {
  const _id = { $in: documents.map((document) => document._id) };
  const uuid = { $in: documents.map((document) => document.uuid) };
  await messagesOf(db).deleteMany({
    ...messageKey(head),
    _id,
    uuid,
    fence: head.fence,
  } as Document);
}
