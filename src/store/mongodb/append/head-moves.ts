import { setTimeout as delay } from 'node:timers/promises';
import type { Db, Document } from 'mongodb';
import type { Session } from '../../../domain/records.ts';
import { findSession, type SessionRef } from '../access-scope.ts';
import { messageKey, messagesOf, sessionsOf } from '../documents.ts';
import { toSession } from '../records.ts';
import { headOf, type SessionHead } from './session-head.ts';

const HEAD_FIELDS = { metadata: 0, 'summary.content': 0, 'retired.summary': 0 } as const;

/** How often, and at first for how long, an append waits for whoever has taken its place. */
const MAX_WAITS = 7;
const FIRST_WAIT_MS = 5;

/** How long a fence waits for somebody else's transaction, in milliseconds. */
const FENCE_MS = 1000;

/** The head of a session, or the session itself where its user is deleted, or neither. */
export interface FoundHead {
  head?: SessionHead;
  refused?: Session;
}

export async function readHead(db: Db, target: SessionRef): Promise<FoundHead> {
  const found = await findSession(db, target, {}, HEAD_FIELDS);
  if (found === null) return {};
  if (found.user_deleted === undefined) return { head: headOf(found) };
  const whole = await findSession(db, target, { live: null });
  return whole === null ? readHead(db, target) : { refused: toSession(whole) };
}

/**
 * Reads a head behind which a position is taken, until it has moved: mostly the message belongs to a
 * command that is about to move it. A message that stays is an orphan, and is fenced off.
 *
 * @param fences how often that has happened. Two writers that fence each other wait longer each time
 */
export async function readMoved(
  db: Db,
  target: SessionRef,
  stuck: SessionHead,
  fences: number,
): Promise<FoundHead & { isFenced?: true }> {
  for (let waits = 0; ; waits++) {
    const found = await readHead(db, target);
    const { _id, last_seq, fence } = found.head ?? {};
    if (_id !== stuck._id || last_seq !== stuck.last_seq || fence !== stuck.fence) return found;
    if (waits === MAX_WAITS + fences) break;
    await delay((0.5 + 0.5 * Math.random()) * FIRST_WAIT_MS * 2 ** waits);
  }
  return { ...(await fenceOff(db, target, stuck)), isFenced: true };
}

/**
 * Shuts out the writers that have inserted messages behind the head, and removes these messages: no commit
 * of theirs can succeed any more, since it names the earlier fence.
 *
 * @returns the head as it is then
 */
export async function fenceOff(db: Db, target: SessionRef, head: SessionHead): Promise<FoundHead> {
  const { _id, namespace, session_id, last_seq } = head;
  const fenced = await sessionsOf(db).findOneAndUpdate(
    { _id, namespace, session_id, last_seq, fence: head.fence } as Document,
    { $inc: { fence: 1 } },
    { returnDocument: 'after', projection: { fence: 1 }, maxTimeMS: FENCE_MS },
  );
  if (fenced !== null) {
    // Not what others may have begun under the new fence, or a newer one.
    const older = { seq: { $gt: last_seq }, fence: { $not: { $gte: fenced.fence as number } } };
    await messagesOf(db).deleteMany({ ...messageKey(head), ...older });
  }
  return readHead(db, target);
}
