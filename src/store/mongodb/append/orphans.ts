import type { ClientSession, Db } from 'mongodb';
import type { Append } from '../../message-port.ts';
import { messageKey, messagesOf, type SessionDocument, type SessionHead } from '../documents.ts';

/**
 * Messages behind the end of a session, which are no part of it: a command inserted them and was cut
 * off before it moved the end.
 */
export interface Orphans {
  /** An attempt met some in the current session, of whichever append. */
  inTheWay: boolean;
  /** Sessions where this append may have left its own: their uuids, and where they ended before. */
  own: Map<string, number>;
}

/**
 * Removes what lies behind the end of the session. The same transaction has to move that end: whoever
 * is about to make those messages part of the session then finds it moved, and begins anew.
 *
 * @param before where the session ended
 */
export async function removeOrphans(
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
  await removeOwnElsewhere(db, head, head._id, append, orphans, session);
}

/**
 * Removes what this append left in earlier sessions of the same identifier, which are gone: nobody else
 * would find it. Only its own messages, since others may have appended before that session went.
 *
 * @param current the uuid of the session that has the identifier now
 */
export async function removeOwnElsewhere(
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
