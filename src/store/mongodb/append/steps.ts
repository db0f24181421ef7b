import { type Db, MongoBulkWriteError } from 'mongodb';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { ConflictError, isDuplicateKey } from '../connection/errors.ts';
import {
  type MessageDocument,
  type MessageKey,
  messageKey,
  messagesOf,
  type SessionDocument,
  type SessionHead,
  sessionsOf,
} from '../documents.ts';
import { revivalBy } from '../purge/retired-ranges.ts';
import {
  toAppended,
  toMessageDocument,
  toPositions,
  toSession,
  toSessionHead,
} from '../records.ts';
import { advanceSession } from './advance-session.ts';
import { findExisting, renameRetired, replaceExisting } from './existing-messages.ts';

/**
 * Appends without a transaction: inserts the messages in order, under the unique index on their
 * positions, and moves the end of the session afterwards. After a crash in between, the next append
 * goes on where the messages end.
 */
export async function appendInSteps(
  db: Db,
  ref: SessionRef,
  append: Append,
): Promise<WriteResult<Appended, Session>> {
  const begun = await advanceSession(db, ref, append, 0);
  if (begun === undefined) return { applied: false, found: undefined };
  if (begun.user_deleted) return { applied: false, found: toSession(begun) };
  const head = toSessionHead(begun);
  const existing = new Map<string, MessageDocument>();
  const added: MessageDocument[] = [];
  for (let pending = append.messages; pending.length > 0; ) {
    // Read the end before looking for the messages: one that is added in between takes the next place,
    // and the insertion below meets it.
    const next = (await lastSeq(db, messageKey(head), begun.last_seq)) + 1;
    const some = { ...append, messages: pending };
    const found = await findExisting(db, head, Number.POSITIVE_INFINITY, some);
    await replaceExisting(db, found, some);
    await renameRetired(db, found, some);
    for (const [uuid, document] of found.live) existing.set(uuid, document);
    pending = pending.filter(({ uuid }) => !existing.has(uuid));
    if (pending.length === 0) break;
    const documents = pending.map((message, i) =>
      toMessageDocument(head, next + i, message, new Date(append.at)),
    );
    const inserted = await insertInOrder(db, documents);
    added.push(...documents.slice(0, inserted));
    pending = pending.slice(inserted);
  }
  const messages = toPositions(append, added, existing);
  const document = await settle(db, head, messages, added, append.at);
  const appended = toAppended(toSessionHead(document), messages);
  return { applied: true, record: { ...appended, ...revivalBy(append, document) } };
}

/** Where the messages of a session end: at `known`, or after a crash behind it. */
async function lastSeq(db: Db, key: MessageKey, known: number): Promise<number> {
  const last = await messagesOf(db).findOne(
    { ...key, seq: { $gt: known } },
    { sort: { seq: -1 }, projection: { seq: 1 } },
  );
  return last?.seq ?? known;
}

/** Inserts messages up to the first position that another message has, and returns how many. */
async function insertInOrder(db: Db, documents: MessageDocument[]): Promise<number> {
  try {
    return (await messagesOf(db).insertMany(documents)).insertedCount;
  } catch (error) {
    if (error instanceof MongoBulkWriteError && isDuplicateKey(error)) {
      const { insertedCount } = error.result;
      const refused = documents[insertedCount] as MessageDocument;
      const { namespace, session_id, session_uuid, seq } = refused;
      const taken = await messagesOf(db).findOne({ namespace, session_id, session_uuid, seq });
      if (taken !== null && taken.uuid !== refused.uuid) return insertedCount;
    }
    throw error;
  }
}

/**
 * Moves the end of a session behind its messages.
 *
 * @param messages all of an append, some of which may have been there before
 * @throws ConflictError when the session is gone, or when it was deleted and revived meanwhile, so that
 *   some of the messages are retired and others are not
 */
async function settle(
  db: Db,
  { _id, namespace, session_id }: SessionHead,
  messages: Appended['messages'],
  added: readonly MessageDocument[],
  time: string,
): Promise<SessionDocument> {
  const at = new Date(time);
  const seqs = messages.map(({ seq }) => seq);
  const document = await sessionsOf(db).findOneAndUpdate(
    { _id, namespace, session_id },
    { $max: { last_seq: Math.max(...seqs), updated_at: at, last_message_at: at } },
    { returnDocument: 'after' },
  );
  if (document === null) {
    // The session was purged, and its messages perhaps before these were inserted.
    await messagesOf(db).deleteMany({ _id: { $in: added.map((message) => message._id) } });
    throw new ConflictError();
  }
  const retired = seqs.filter((seq) => seq < document.first_seq);
  if (retired.length > 0 && retired.length < seqs.length) throw new ConflictError();
  return document;
}
