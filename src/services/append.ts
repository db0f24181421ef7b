import { DomainError, invalidArgument, REPEAT } from '../domain/errors.ts';
import type { JsonObject } from '../domain/metadata.ts';
import { estimateTokens } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import { analyseMessage } from '../search/analyzer.ts';
import type { Append, AppendedSession, RetiredRange, Store } from '../store/port.ts';
import { createSessionCreator } from './create-session.ts';
import {
  type Caller,
  type Dependencies,
  sessionChangeEvent,
  undoDeadline,
} from './dependencies.ts';
import { mapInSlices } from './event-loop.ts';
import { describeAbsence } from './not-found.ts';
import { type SummaryBacklog, summaryBacklog, WINDOW_DEFAULT } from './summary-backlog.ts';
import { isPastUndoDeadline, retryAfterPurge } from './undo-deadline.ts';

export interface AddedMessage {
  uuid?: string | undefined;
  role: string;
  content: string;
  metadata?: JsonObject | undefined;
}

/** What every attempt to append has in common. */
type Added = Pick<Append, 'messages' | 'hasClientUuids'>;

/** What of a session stays deleted that an append has revived. */
export interface Revival {
  /** How many messages can be put back. */
  deleted_message_count: number;
  /** When the first of them are purged; absent if there are none, or that is never. */
  purge_at?: string;
}

export interface AddResult {
  session: AppendedSession;
  messages: { uuid: string; seq: number; status: 'created' | 'updated' }[];
  /** Present if the session was deleted until then. */
  revival?: Revival;
  /** How many messages lie behind the newest summary, once that is too many. */
  unsummarized?: SummaryBacklog;
}

/**
 * Returns a function that appends messages. The session is created if it is not there. If it is deleted,
 * it comes back without the messages that it had: these stay deleted, and can be put back.
 *
 * It throws `DomainError`: INVALID_ARGUMENT when two of the messages have one uuid; NOT_FOUND when the
 * session's user is deleted; PERMISSION_DENIED when a pinned caller may not have that session.
 */
export function createAppend(deps: Dependencies) {
  const absence = describeAbsence(deps);
  const begin = createSessionCreator(deps);

  /** Appends, for a pinned caller to a session that is begun as theirs if they have none such. */
  async function appendTo(caller: Caller, store: Store, session_id: string, added: Added) {
    const attempt = () => {
      // Each at its own time: no message is older than its session.
      const append = { ...added, at: timestamp(deps.now()), newUuid: deps.newUuid };
      return store.messages.append(caller, session_id, append).catch((error: unknown) => {
        throw withUuids(error, added);
      });
    };
    const outcome = await attempt();
    if (outcome.applied || outcome.found !== undefined) return outcome;
    await begin(caller, store, { session_id });
    return attempt();
  }

  return async (
    caller: Caller,
    sessionId: string,
    added: readonly AddedMessage[],
  ): Promise<AddResult> => {
    const given = added.flatMap(({ uuid }) => (uuid === undefined ? [] : [uuid]));
    if (new Set(given).size < given.length) {
      throw invalidArgument('messages: two of them have the same uuid. Give each its own.');
    }
    const store = await deps.store();
    const { namespace } = caller;
    const terms = await mapInSlices(added, analyseMessage);
    const toAdd: Added = {
      messages: added.map(({ uuid, role, content, metadata = {} }, i) => ({
        uuid: uuid ?? deps.newUuid(),
        hasClientUuid: uuid !== undefined,
        role,
        content,
        metadata,
        token_count: estimateTokens(content),
        terms: terms[i] as string[],
      })),
      hasClientUuids: given.length > 0,
    };
    const outcome = await retryAfterPurge(
      deps,
      () => appendTo(caller, store, sessionId, toAdd),
      (outcome) => (outcome.applied ? undefined : outcome.found),
      (cutoff) => store.sessions.purge(namespace, sessionId, cutoff),
    );
    if (!outcome.applied) {
      throw await absence.session(caller, store, sessionId, outcome.found);
    }
    const { session, messages, retired } = outcome.record;
    deps.embeddings?.offer(
      namespace,
      messages.map(({ seq }, i) => ({
        place: { session_id: sessionId, session_uuid: session.uuid, seq },
        content: toAdd.messages[i]?.content as string,
      })),
    );
    deps.onChange(namespace, sessionChangeEvent(session, true));
    return {
      session,
      messages: messages.map(({ uuid, seq, created }) => ({
        uuid,
        seq,
        status: created ? 'created' : 'updated',
      })),
      ...(retired !== undefined && { revival: describeRevival(deps, retired) }),
      ...summaryBacklog(outcome.record, WINDOW_DEFAULT),
    };
  };
}

/** @param retired the oldest first */
function describeRevival(deps: Dependencies, retired: readonly RetiredRange[]): Revival {
  const there = retired.filter((range) => !isPastUndoDeadline(deps, range));
  const [oldest] = there;
  const purge_at = oldest && undoDeadline(oldest.deleted_at, deps.purgeAfter);
  return {
    deleted_message_count: there.reduce(
      (sum, { first_seq, last_seq }) => sum + last_seq - first_seq + 1,
      0,
    ),
    ...(purge_at !== undefined && { purge_at }),
  };
}

/** How many uuids an error lists. */
const MAX_LISTED = 20;

/**
 * An error that makes a repetition safe where nobody knows whether the messages were stored: without
 * uuids a repetition would store them once more.
 */
function withUuids(error: unknown, { messages }: Added): unknown {
  const ours = messages.some(({ hasClientUuid }) => !hasClientUuid);
  if (!(error instanceof DomainError) || !error.outcomeUnknown || !ours) return error;
  const uuids = messages.map(({ uuid }) => uuid).join(', ');
  const advice =
    messages.length <= MAX_LISTED
      ? `So that nothing is stored twice, repeat it with these uuids, in this order: ${uuids}.`
      : 'So that nothing is stored twice, look at the end of list_messages before you repeat it.';
  const problem = error.message.replace(REPEAT, '').trimEnd();
  return new DomainError(error.code, `${problem} ${advice}`, {
    cause: error,
    outcomeUnknown: true,
  });
}
