import type { FactSource } from '../../../domain/facts.ts';
import type { Store } from '../../../store/port.ts';
import type { Caller } from '../../caller.ts';
import type { Dependencies } from '../../dependencies.ts';
import { ServiceError } from '../../errors.ts';
import { sessionNotFound } from '../../not-found.ts';
import type { CoveredSession } from '../coverage.ts';

/** The messages that say the facts of a call. */
export interface NewSource {
  session_id: string;
  uuids: readonly string[];
}

/** The messages that say facts, and up to which message their session has been read for them. */
export interface CheckedSource {
  sources: FactSource[];
  session: CoveredSession;
  through_seq: number;
}

/**
 * The messages that a call names as its source. Their session has to be live, and the user's or nobody's.
 *
 * @param at the time of the call
 * @throws ServiceError NOT_FOUND if one of them is missing, or of another user
 */
export async function sourcesOf(
  deps: Dependencies,
  caller: Caller,
  store: Store,
  user_id: string,
  { session_id, uuids: given }: NewSource,
): Promise<CheckedSource> {
  const uuids = [...new Set(given)];
  const found = await Promise.all(
    uuids.map((uuid) => store.messages.find(caller, session_id, uuid)),
  );
  const session = found[0]?.session;
  const isForeign = session?.user_id !== undefined && session.user_id !== user_id;
  if (session === undefined || session.deleted_at !== undefined || isForeign) {
    throw await sessionNotFound(deps, caller, store, session_id, isForeign ? undefined : session);
  }
  const missing = uuids.filter((_, i) => found[i]?.message === undefined);
  if (missing.length > 0) {
    throw new ServiceError({ kind: 'messages_not_found', session_id, uuids: missing });
  }
  return {
    sources: uuids.map((uuid) => ({ session_id, uuid })),
    session,
    through_seq: Math.max(...found.map(({ message }) => message?.seq ?? 0)),
  };
}
