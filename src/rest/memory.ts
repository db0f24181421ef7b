import type { JsonObject } from '../domain/metadata.ts';
import { isRefusal } from '../services/errors.ts';
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
 * Merges metadata into a session's, if it has any.
 *
 * @returns `false` if there is no live session
 */
export async function mergeSessionMetadata(
  { caller, sessions }: RestContext,
  session_id: string,
  metadata: JsonObject = {},
): Promise<boolean> {
  // One of the clients sends an empty object with every append.
  if (Object.keys(metadata).length === 0) return true;
  try {
    await sessions.updateMetadata(caller, session_id, metadata);
    return true;
  } catch (error) {
    if (isRefusal(error, 'session_not_found')) return false;
    throw error;
  }
}

/** Stores a summary of the messages up to one of them, unless a newer one was stored meanwhile. */
export async function summarize(
  { caller, memory }: RestContext,
  session_id: string,
  summary: { content: string; up_to_seq: number },
): Promise<void> {
  try {
    await memory.summarize(caller, session_id, summary);
  } catch (error) {
    if (isRefusal(error, 'summary_out_of_range')) return;
    throw error;
  }
}
