import { type Db, MongoBulkWriteError } from 'mongodb';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { isDuplicateKey } from '../connection/errors.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  toSession,
} from '../documents.ts';
import { revivalBy } from '../purge/retired-ranges.ts';
import {
  headOf,
  type MessageKey,
  messageKey,
  type SessionHead,
  toAppended,
} from './session-head.ts';
import {
  advance,
  ConflictError,
  findExisting,
  positionsOf,
  renameRetired,
  replaceExisting,
  toDocuments,
} from './writes.ts';

/**
 * Appends without a transaction: messages are inserted one behind the other, under the unique index
 * on their order, and the session is brought up to date afterwards. After a crash in between, the
 * next append goes on where the messages end.
 */
export async function appendInSteps(
  db: Db,
  target: SessionRef,
  append: Append,
): Promise<WriteResult<Appended, Session>> {
  const begun = await advance(db, target, append, 0);
  if (begun === undefined) return { applied: false, found: undefined };
  if (begun.user_deleted) return { applied: false, found: toSession(begun) };
  const head = headOf(begun);
  const live = new Map<string, MessageDocument>();
  const added: MessageDocument[] = [];
  for (let pending = append.messages; pending.length > 0; ) {
    // The end first: a message that is not found then takes a place behind it, which is in the way.
    const next = (await lastSeq(db, messageKey(head), begun.last_seq)) + 1;
    const some = { ...append, messages: pending };
    const existing = await findExisting(db, head, Number.POSITIVE_INFINITY, some);
    await replaceExisting(db, existing, some);
    await renameRetired(db, existing, some);
    for (const [uuid, document] of existing.live) live.set(uuid, document);
    pending = pending.filter(({ uuid }) => !live.has(uuid));
    if (pending.length === 0) break;
    const documents = toDocuments(head, next, pending, append.at);
    const inserted = await insertInOrder(db, documents);
    added.push(...documents.slice(0, inserted));
    pending = pending.slice(inserted);
  }
  const messages = positionsOf(append, live, added);
  const document = await settle(db, head, messages, added, append.at);
  const appended = toAppended(headOf(document), messages);
  return { applied: true, record: { ...appended, ...revivalBy(append, document) } };
}

/** The end of a session, which lies at `known` or, after a crash, behind it. */
async function lastSeq(db: Db, key: MessageKey, known: number): Promise<number> {
  const last = await messagesOf(db).findOne(
    { ...key, seq: { $gt: known } },
    { sort: { seq: -1 }, projection: { seq: 1 } },
  );
  return last?.seq ?? known;
}

/** Inserts one after the other and says how many, up to the first place that is taken. */
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
 * Brings a session up to date with its messages.
 *
 * @param messages all of an append, some of which were there before
 * @throws Outdated when the session is gone, or some of the messages were deleted with it and others
 *   came after that
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
    // Purged. Those who removed its messages may have been there before these.
    await messagesOf(db).deleteMany({ _id: { $in: added.map((message) => message._id) } });
    throw new ConflictError();
  }
  const retired = seqs.filter((seq) => seq < document.first_seq);
  if (retired.length > 0 && retired.length < seqs.length) throw new ConflictError();
  return document;
}
