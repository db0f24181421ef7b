import type { ClientSession, Db } from 'mongodb';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { messagesOf, type SessionDocument, sessionsOf, toSession } from '../documents.ts';
import { revivalBy } from '../purge/retired-ranges.ts';
import { headOf, messageKey, type SessionHead, toAppended } from './session-head.ts';
import {
  advance,
  findExisting,
  positionsOf,
  renameRetired,
  replaceExisting,
  toDocuments,
} from './writes.ts';

/** Messages behind the end of a session, which are no part of it: of a command that was cut off. */
export interface Orphans {
  /** Some are in the way, in the current session. */
  inTheWay: boolean;
  /** Uuids of sessions in which this append may have left its own, and where those ended. */
  own: Map<string, number>;
}

/** Appends within a transaction: the place in the order is taken first, then filled. */
export async function appendInTransaction(
  db: Db,
  target: SessionRef,
  append: Append,
  orphans: Orphans,
  session: ClientSession,
): Promise<WriteResult<Appended, Session> & { head?: SessionHead }> {
  let document = await advance(db, target, append, append.messages.length, session);
  if (document === undefined) {
    await removeOwn(db, target, undefined, append, orphans, session);
    return { applied: false, found: undefined };
  }
  if (document.user_deleted) return { applied: false, found: toSession(document) };
  const before = document.last_seq - append.messages.length;
  const existing = await findExisting(db, headOf(document), before, append, session);
  if (existing.live.size > 0) {
    document = await giveBack(db, document, existing.live.size, session);
    await replaceExisting(db, existing, append, session);
  }
  await renameRetired(db, existing, append, session);
  const head = headOf(document);
  const added = append.messages.filter(({ uuid }) => !existing.live.has(uuid));
  const documents = toDocuments(head, before + 1, added, append.at);
  if (documents.length > 0) {
    await removeOrphans(db, head, before, append, orphans, session);
    await messagesOf(db).insertMany(documents, { session });
  }
  const appended = toAppended(head, positionsOf(append, existing.live, documents));
  return { applied: true, record: { ...appended, ...revivalBy(append, document) }, head };
}

/** Moves a session's end back over places that were taken for messages that have one. */
async function giveBack(
  db: Db,
  { _id, namespace, session_id }: SessionDocument,
  count: number,
  session: ClientSession,
): Promise<SessionDocument> {
  const document = await sessionsOf(db).findOneAndUpdate(
    { _id, namespace, session_id },
    { $inc: { last_seq: -count } },
    { returnDocument: 'after', session },
  );
  return document as SessionDocument;
}

/**
 * Removes what lies behind the end of the session, which has to move in the same transaction: whoever
 * is about to make those messages part of the session finds it moved, and begins anew.
 *
 * @param before where the session ended
 */
async function removeOrphans(
  db: Db,
  head: SessionHead,
  before: number,
  append: Append,
  orphans: Orphans,
  session: ClientSession,
): Promise<void> {
  if (!orphans.inTheWay && orphans.own.size === 0) return;
  const behind = { ...messageKey(head), seq: { $gt: before } };
  await messagesOf(db).deleteMany(behind, { session });
  await removeOwn(db, head, head._id, append, orphans, session);
}

/**
 * Removes what this very append left in sessions of the same identifier that are gone since: nobody
 * else will come by. Others may have appended to them before that.
 *
 * @param current the uuid of the session that has the identifier now
 */
async function removeOwn(
  db: Db,
  { namespace, session_id }: Pick<SessionDocument, 'namespace' | 'session_id'>,
  current: string | undefined,
  { messages }: Append,
  { own }: Orphans,
  session: ClientSession,
): Promise<void> {
  const uuid = { $in: messages.map((message) => message.uuid) };
  for (const [session_uuid, end] of own) {
    if (session_uuid === current) continue;
    const orphans = { namespace, session_id, session_uuid, seq: { $gt: end }, uuid };
    await messagesOf(db).deleteMany(orphans, { session });
  }
}
