import type { JsonObject } from '../domain/metadata.ts';
import { ServiceError } from '../services/errors.ts';
import type { RestContext } from './route.ts';

/** What both generations do with a session's memory. */

/**
 * Deletes a live session.
 *
 * @throws ServiceError NOT_FOUND if it is deleted already, too
 */
export async function deleteSession(
  { caller, sessions }: RestContext,
  session_id: string,
): Promise<void> {
  await sessions.get(caller, session_id);
  await sessions.delete(caller, session_id);
}

/**
 * Merges metadata into a session's. A missing session is created with it.
 *
 * @returns `false` if the session is deleted, and stays so
 */
export async function mergeSessionMetadata(
  { caller, sessions }: RestContext,
  session_id: string,
  metadata: JsonObject,
): Promise<boolean> {
  try {
    await sessions.updateMetadata(caller, session_id, metadata);
    return true;
  } catch (error) {
    if (!(error instanceof ServiceError) || error.fact.kind !== 'session_not_found') throw error;
    if (error.fact.deletion !== undefined) return false;
    await sessions.add(caller, { session_id, metadata });
    return true;
  }
}
