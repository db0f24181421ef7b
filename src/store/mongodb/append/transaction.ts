import type { ClientSession, Db } from 'mongodb';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { messagesOf, type SessionDocument, type SessionHead, sessionsOf } from '../documents.ts';
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
import { type Orphans, removeOrphans, removeOwnElsewhere } from './orphans.ts';

/**
 * Appends within a transaction. It moves the end of the session first, which is the write that appends
 * to one session compete for, and fills the places then.
 *
 * @returns the outcome, and if it was applied, the head of the session
 */
export async function appendInTransaction(
  db: Db,
  ref: SessionRef,
  append: Append,
  orphans: Orphans,
  session: ClientSession,
): Promise<WriteResult<Appended, Session> & { head?: SessionHead }> {
  let document = await advanceSession(db, ref, append, append.messages.length, session);
  if (document === undefined) {
    await removeOwnElsewhere(db, ref, undefined, append, orphans, session);
    return { applied: false, found: undefined };
  }
  if (document.user_deleted) return { applied: false, found: toSession(document) };
  const before = document.last_seq - append.messages.length;
  const existing = await findExisting(db, toSessionHead(document), before, append, session);
  if (existing.live.size > 0) {
    document = await moveEndBack(db, document, existing.live.size, session);
    await replaceExisting(db, existing, append, session);
  }
  await renameRetired(db, existing, append, session);
  const head = toSessionHead(document);
  const documents = append.messages
    .filter(({ uuid }) => !existing.live.has(uuid))
    .map((message, i) => toMessageDocument(head, before + 1 + i, message, new Date(append.at)));
  if (documents.length > 0) {
    await removeOrphans(db, head, before, append, orphans, session);
    await messagesOf(db).insertMany(documents, { session });
  }
  const appended = toAppended(head, toPositions(append, documents, existing.live));
  return { applied: true, record: { ...appended, ...revivalBy(append, document) }, head };
}

/** Gives back the places that were taken for messages which already have one. */
async function moveEndBack(
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
