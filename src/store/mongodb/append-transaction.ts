import type { ClientSession, Db } from 'mongodb';
import type { Session } from '../../domain/records.ts';
import type { Append, Appended, Change } from '../store.ts';
import { messagesOf, type SessionDocument, sessionsOf, toSession } from './documents.ts';
import type { Target } from './scope.ts';
import { endOf, type ThreadEnd, toAppended } from './thread-end.ts';
import { advance, findExisting, placesOf, replaceExisting, toDocuments } from './thread-writes.ts';

/** Messages behind the end of a thread, which are no part of it: of a command that was cut off. */
export interface Strays {
  /** Some are in the way, in the current thread. */
  inTheWay: boolean;
  /** Threads in which this append may have left its own, and where those ended. */
  own: Map<string, number>;
}

/** Appends within a transaction: the place in the order is taken first, then filled. */
export async function appendInTransaction(
  db: Db,
  target: Target,
  append: Append,
  strays: Strays,
  session: ClientSession,
): Promise<Change<Appended, Session> & { end?: ThreadEnd }> {
  let document = await advance(db, target, append, append.messages.length, session);
  if (document === undefined) {
    await removeOwn(db, target, append, strays, session);
    return { applied: false, found: undefined };
  }
  if (document.user_deleted) return { applied: false, found: toSession(document) };
  const before = document.last_seq - append.messages.length;
  const existing = await findExisting(db, endOf(document), before, append, session);
  if (existing.size > 0) {
    document = await giveBack(db, document, existing.size, session);
    await replaceExisting(db, existing, append, session);
  }
  const end = endOf(document);
  const added = append.messages.filter(({ uuid }) => !existing.has(uuid));
  const documents = toDocuments(end, before + 1, added, append.at);
  if (documents.length > 0) {
    await removeStrays(db, document, before, append, strays, session);
    await messagesOf(db).insertMany(documents, { session });
  }
  return { applied: true, record: toAppended(end, placesOf(append, existing, documents)), end };
}

/** Moves a session's end back over places that were taken for messages that have one. */
async function giveBack(
  db: Db,
  { namespace, session_id }: SessionDocument,
  count: number,
  session: ClientSession,
): Promise<SessionDocument> {
  const document = await sessionsOf(db).findOneAndUpdate(
    { namespace, session_id },
    { $inc: { last_seq: -count } },
    { returnDocument: 'after', session },
  );
  return document as SessionDocument;
}

/**
 * Removes what lies behind the end of the session's thread, which has to move in the same transaction:
 * whoever is about to make those messages part of the thread finds it moved, and begins anew.
 *
 * @param before where the thread ended
 */
async function removeStrays(
  db: Db,
  document: SessionDocument,
  before: number,
  append: Append,
  strays: Strays,
  session: ClientSession,
): Promise<void> {
  if (!strays.inTheWay && strays.own.size === 0) return;
  const { namespace, session_id, thread } = document;
  const behind = { namespace, session_id, thread: thread as string, seq: { $gt: before } };
  await messagesOf(db).deleteMany(behind, { session });
  await removeOwn(db, document, append, strays, session);
}

/**
 * Removes what this very append left in threads that the session has left since, or that are gone with
 * it: nobody else will come by. Others may have appended to them before that.
 */
async function removeOwn(
  db: Db,
  { namespace, session_id, thread }: Pick<SessionDocument, 'namespace' | 'session_id' | 'thread'>,
  { messages }: Append,
  { own }: Strays,
  session: ClientSession,
): Promise<void> {
  const uuid = { $in: messages.map((message) => message.uuid) };
  for (const [left, end] of own) {
    if (left === thread) continue;
    const strays = { namespace, session_id, thread: left, seq: { $gt: end }, uuid };
    await messagesOf(db).deleteMany(strays, { session });
  }
}
