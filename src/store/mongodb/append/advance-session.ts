import type { ClientSession, Db, Document } from 'mongodb';
import type { Append } from '../../message-port.ts';
import { accessFilter, type SessionRef } from '../access-scope.ts';
import { ConflictError } from '../connection/errors.ts';
import { inSession } from '../connection/transaction.ts';
import { type SessionDocument, sessionsOf } from '../documents.ts';
import { retiredOnRevival } from '../purge/retired-ranges.ts';

/**
 * Moves the end of a session by `count` messages, in one write. The same write creates the session if
 * there is none, and revives it if it is soft-deleted. It leaves a session whose user is deleted as it
 * is.
 *
 * @returns the session after it, or `undefined` if the scope is one user's and the session is not theirs
 */
export async function advanceSession(
  db: Db,
  ref: SessionRef,
  { at: time, messages, newUuid }: Append,
  count: number,
  session?: ClientSession,
): Promise<SessionDocument | undefined> {
  const at = new Date(time);
  const blocked = { $eq: [{ $type: '$user_deleted' }, 'string'] };
  const revives = { $eq: ['$live', false] };
  const kept = (field: string) => ({ $ifNull: [`$${field}`, '$$REMOVE'] });
  const unlessBlocked = (field: string, value: unknown) => ({
    $cond: [blocked, kept(field), value],
  });
  const last = { $ifNull: ['$last_seq', 0] };
  const firstUuid = { $literal: messages[0]?.uuid };
  const pipeline: Document[] = [
    {
      $set: {
        _id: { $ifNull: ['$_id', newUuid()] },
        metadata: { $ifNull: ['$metadata', {}] },
        empty: unlessBlocked('empty', '$$REMOVE'),
        revision: { $ifNull: ['$revision', 0] },
        created_at: { $ifNull: ['$created_at', at] },
        updated_at: unlessBlocked('updated_at', { $max: ['$updated_at', at] }),
        live: { $cond: [blocked, null, true] },
        deleted_at: { $cond: [blocked, '$deleted_at', '$$REMOVE'] },
        first_seq: { $cond: [revives, { $add: [last, 1] }, { $ifNull: ['$first_seq', 1] }] },
        last_seq: unlessBlocked('last_seq', { $add: [last, count] }),
        retired: { $cond: [revives, retiredOnRevival(), kept('retired')] },
        revived_by: { $cond: [revives, firstUuid, kept('revived_by')] },
        summary: { $cond: [revives, '$$REMOVE', kept('summary')] },
        ...(count > 0 && {
          last_message_at: unlessBlocked('last_message_at', { $max: ['$last_message_at', at] }),
        }),
      },
    },
  ];
  const upsert = ref.user_id === undefined;
  const options = { upsert, returnDocument: 'after', ...inSession(session) } as const;
  const document = await sessionsOf(db).findOneAndUpdate(accessFilter(ref), pipeline, options);
  // By the manual an upsert always returns its document. One server did not when two upserts met.
  if (document === null && upsert) throw new ConflictError();
  return document ?? undefined;
}
