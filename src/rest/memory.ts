import type { JsonObject } from '../domain/metadata.ts';
import { isRefusal } from '../services/errors.ts';
import type { Generation } from './generation.ts';
import { sessionPath } from './parameters.ts';
import { defineRoute, type RestContext } from './route.ts';

/** What both generations do with a session's memory. */

/** A session that is deleted already is answered with NOT_FOUND. */
export const deleteMemoryRoute = ({ prefix, done }: Generation) =>
  defineRoute({
    method: 'DELETE',
    path: `${prefix}/sessions/{session_id}/memory`,
    summary: 'Delete a session with its messages.',
    toolset: 'sessions',
    request: { path: sessionPath },
    status: 200,
    answer: done.schema,
    async run({ path: { session_id } }, { caller, sessions }) {
      await sessions.get(caller, session_id);
      await sessions.delete(caller, session_id);
      return done.show();
    },
  });

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
