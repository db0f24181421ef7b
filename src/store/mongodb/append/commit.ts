import {
  type ClientSession,
  type Db,
  type Document,
  MongoBulkWriteError,
  MongoClientBulkWriteError,
} from 'mongodb';
import type { Session } from '../../../domain/records.ts';
import type { Append } from '../../port.ts';
import { findSession, type SessionRef } from '../access-scope.ts';
import {
  bulkWriteFailure,
  isDuplicateKey,
  isUnsupported,
  unavailable,
} from '../connection/errors.ts';
import type { Deployment } from '../connection/index.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  toSession,
} from '../documents.ts';
import { FIRST_KEPT_SEQ, retiredOnRevival } from '../purge/retired-ranges.ts';
import { headOf, messageKey, type SessionHead } from './session-head.ts';
import {
  ConflictError,
  type Existing,
  inSession,
  renameRetired,
  replaceExisting,
} from './writes.ts';

const HEAD_FIELDS = { metadata: 0, 'summary.content': 0, 'retired.summary': 0 } as const;

/** How much time a command needs at least, in milliseconds. */
const MIN_TIME_MS = 100;

/** The write that makes messages behind the head part of their session. */
export type Commit = { document: SessionDocument } | { filter: Document; update: Document };

/**
 * The time limit of a command, which may wait for somebody else's transaction: after its caller was told
 * that it failed, it must not take effect.
 *
 * @param met why there is so little time, if that is known
 * @throws DomainError UNAVAILABLE where too little time is left
 */
export function timeLimit(
  deadline: number,
  met: unknown = new Error('no time for another command'),
): { maxTimeMS: number } {
  const maxTimeMS = Math.floor(deadline - Date.now());
  if (maxTimeMS < MIN_TIME_MS) throw unavailable(met);
  return { maxTimeMS };
}

/** The head of a session, or the session itself where its user is deleted. */
export async function readHead(
  db: Db,
  target: SessionRef,
): Promise<{ head?: SessionHead; refused?: Session }> {
  const found = await findSession(db, target, {}, HEAD_FIELDS);
  if (found === null) return {};
  if (found.user_deleted === undefined) return { head: headOf(found) };
  const whole = await findSession(db, target, { live: null });
  return whole === null ? readHead(db, target) : { refused: toSession(whole) };
}

/** @param count how many messages are added */
export function commitOf(head: SessionHead, count: number, appends: readonly Append[]): Commit {
  const { _id, namespace, session_id, first_seq, deleted, fence, summarized = null } = head;
  const last_seq = head.last_seq + count;
  const created_at = new Date(appends[0]?.at as string);
  const at = new Date(Math.max(...appends.map((append) => Date.parse(append.at))));
  if (head.isNew) {
    const times = { created_at, updated_at: at, last_message_at: at };
    const state = { metadata: {}, live: true, first_seq, last_seq, revision: 0 };
    return { document: { _id, namespace, session_id, ...times, ...state } };
  }
  const known = { _id, namespace, session_id, last_seq: head.last_seq, fence };
  if (deleted === undefined) {
    return {
      // Also what is part of the answer. `null` stands for none.
      filter: { ...known, live: true, first_seq, 'summary.up_to_seq': summarized },
      update: {
        $set: { last_seq },
        $max: { updated_at: at, last_message_at: at },
        $unset: { empty: '' },
      },
    };
  }
  const kept = { $expr: { $eq: [FIRST_KEPT_SEQ, deleted.kept_seq] } };
  const $set = {
    ...{ live: true, first_seq, last_seq, retired: retiredOnRevival() },
    ...{ deleted_at: '$$REMOVE', summary: '$$REMOVE', empty: '$$REMOVE' },
    revived_by: { $literal: head.revived_by },
    updated_at: { $max: ['$updated_at', at] },
    last_message_at: { $max: ['$last_message_at', at] },
  };
  const { first_seq: before, deleted_at } = deleted;
  const filter = { ...known, ...kept, live: false, first_seq: before, deleted_at };
  return { filter, update: [{ $set }] as Document };
}

/** What a write goes through. */
export interface WriteContext extends Deployment {
  server: { bulkWriteRefused: boolean };
  transaction<T>(work: (session: ClientSession) => Promise<T>): Promise<T>;
}

/**
 * Inserts messages behind the head and commits them. Updates in place come in between, where a failure
 * leaves nothing that a repetition would not do again.
 *
 * @throws ConflictError if that failed, and will not succeed later
 */
export async function write(
  context: WriteContext,
  documents: MessageDocument[],
  commit: Commit,
  change: { existing: Existing; append: Append },
  deadline: number,
): Promise<void> {
  const { live, retired } = change.existing;
  const { server, orderedWrites } = context;
  try {
    if (orderedWrites && !server.bulkWriteRefused && live.size + retired.length === 0) {
      await writeAtOnce(context.db, documents, commit, timeLimit(deadline));
    } else await writeInOrder(context, documents, commit, change, deadline);
  } catch (error) {
    const failure = bulkWriteFailure(error);
    if (isUnsupported(failure) && !server.bulkWriteRefused) {
      server.bulkWriteRefused = true;
      return write(context, documents, commit, change, deadline);
    }
    if (!isDuplicateKey(failure)) throw failure;
    if (error instanceof MongoBulkWriteError) throw new ConflictError(true, error.insertedCount);
    if (!(error instanceof MongoClientBulkWriteError)) throw new ConflictError(true);
    throw new ConflictError(true, error.partialResult?.insertedCount);
  }
}

async function writeAtOnce(
  db: Db,
  documents: MessageDocument[],
  commit: Commit,
  options: { maxTimeMS: number },
): Promise<void> {
  const { namespace } = messagesOf(db);
  const session = { namespace: sessionsOf(db).namespace };
  const result = await db.client.bulkWrite<Record<string, { _id: string }>>(
    [
      ...documents.map((document) => ({ name: 'insertOne' as const, namespace, document })),
      'document' in commit
        ? { name: 'insertOne', ...session, document: commit.document }
        : { name: 'updateOne', ...session, ...commit },
    ],
    options,
  );
  if ('filter' in commit && result.matchedCount === 0) throw new ConflictError();
}

async function writeInOrder(
  { db, transactions, transaction }: WriteContext,
  documents: MessageDocument[],
  commit: Commit,
  { existing, append }: { existing: Existing; append: Append },
  deadline: number,
): Promise<void> {
  const sessions = sessionsOf(db);
  if (documents.length > 0) await messagesOf(db).insertMany(documents, timeLimit(deadline));
  if ('document' in commit) {
    await sessions.insertOne(commit.document, timeLimit(deadline));
    return;
  }
  const change = async (session?: ClientSession) => {
    await replaceExisting(db, existing, append, session);
    await renameRetired(db, existing, append, session);
    const options = { ...inSession(session), ...timeLimit(deadline) };
    const { matchedCount } = await sessions.updateOne(commit.filter, commit.update, options);
    if (matchedCount === 0) throw new ConflictError();
  };
  const updates = existing.live.size + existing.retired.length > 0;
  await (updates && transactions ? transaction(change) : change());
}

/** Removes messages that were inserted and not committed. Another's in their place has another uuid or fence. */
export async function removeOwn(
  db: Db,
  head: SessionHead,
  documents: readonly MessageDocument[],
): Promise<void> {
  if (documents.length === 0) return;
  const _id = { $in: documents.map((document) => document._id) };
  const uuid = { $in: documents.map((document) => document.uuid) };
  await messagesOf(db).deleteMany({
    ...messageKey(head),
    _id,
    uuid,
    fence: head.fence,
  } as Document);
}

/**
 * Shuts out whoever has inserted messages behind the head, and removes them: no commit of theirs can
 * succeed any more, since it names the fence as it was.
 *
 * @returns the head under the new fence, or `undefined` if it is not as known any more
 */
export async function fenceOff(
  db: Db,
  head: SessionHead,
  deadline: number,
): Promise<SessionHead | undefined> {
  const { _id, namespace, session_id, last_seq, fence } = head;
  const fenced = await sessionsOf(db).findOneAndUpdate(
    { _id, namespace, session_id, last_seq, fence } as Document,
    { $inc: { fence: 1 } },
    { returnDocument: 'after', projection: HEAD_FIELDS, ...timeLimit(deadline) },
  );
  if (fenced === null) return undefined;
  // Not what others may have begun under the new fence, or a newer one.
  const older = { seq: { $gt: last_seq }, fence: { $not: { $gte: fenced.fence as number } } };
  await messagesOf(db).deleteMany({ ...messageKey(head), ...older });
  return fenced.user_deleted === undefined ? headOf(fenced) : undefined;
}
