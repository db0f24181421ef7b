import type { Db, Document } from 'mongodb';
import type { AccessScope } from '../common-port.ts';
import { type SessionDocument, sessionsOf } from './documents.ts';

/** A session by its identifier, for a caller who sees only the sessions of an access scope. */
export interface SessionRef extends AccessScope {
  session_id: string;
}

/**
 * Pipeline stages that find the sessions, or messages, of a scope by their identifiers.
 *
 * The limit keeps the server from combining the identifier and the user into one condition. It could
 * then choose an index by user, and take the longer the more records that user has.
 *
 * @param identified a condition that at most `limit` records of the namespace meet
 */
export function accessStages(
  { namespace, user_id }: AccessScope,
  identified: Document,
  limit = 1,
): Document[] {
  const named = { $match: { namespace, ...identified } };
  return user_id === undefined ? [named] : [named, { $limit: limit }, { $match: { user_id } }];
}

/**
 * Finds a session in scope.
 *
 * @param condition further conditions; without them, the session may be soft-deleted
 * @param fields a projection; without it, the whole document
 */
export async function findSession<T extends Partial<SessionDocument> = SessionDocument>(
  db: Db,
  { session_id, ...scope }: SessionRef,
  condition: Document = {},
  fields?: Document,
): Promise<T | null> {
  const [found] = await sessionsOf(db)
    .aggregate<T>([
      ...accessStages(scope, { session_id, ...condition }),
      ...(fields === undefined ? [] : [{ $project: fields }]),
    ])
    .toArray();
  return found ?? null;
}

/**
 * The filter of an update: matches no session that is out of scope. The planner tries its candidates
 * and takes the index on identifiers, which has a single key for it.
 */
export function accessFilter({ namespace, user_id, session_id }: SessionRef) {
  return { namespace, session_id, ...(user_id !== undefined && { user_id }) };
}
