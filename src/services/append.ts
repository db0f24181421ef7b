import { DomainError, REPEAT } from '../domain/errors.ts';
import { partsPreview } from '../domain/message-parts.ts';
import type { Json, JsonObject } from '../domain/metadata.ts';
import type { SeqRange } from '../domain/positions.ts';
import { timestamp } from '../domain/times.ts';
import { analyseMessage, termsOf } from '../search/analyzer.ts';
import type { Append, AppendedSession, MessageParts, RetiredRange } from '../store/message-port.ts';
import { assignUser, claimSession } from './assign-user.ts';
import type { Caller } from './caller.ts';
import { sessionCreator } from './create-session.ts';
import type { Dependencies } from './dependencies.ts';
import { ServiceError } from './errors.ts';
import { mapInSlices } from './event-loop.ts';
import { sessionNotFound } from './not-found.ts';
import { isPastUndoDeadline, retryAfterPurge, undoDeadline } from './undo-deadline.ts';

export interface AddedMessage {
  uuid?: string | undefined;
  role: string;
  content: string;
  parts?: readonly Json[] | undefined;
  metadata?: JsonObject | undefined;
  /** When it was said, in the form of the records; if not at the time of the call. */
  created_at?: string | undefined;
}

/** The messages that stay deleted of a session that an append has revived. */
export interface Revival {
  /** The number of messages that can be restored. */
  deleted_message_count: number;
  /** When the first of them are purged; absent if there are none, or if they are kept for ever. */
  purge_at?: string;
}

export interface AddResult {
  session: AppendedSession;
  messages: { uuid: string; seq: number; status: 'created' | 'updated' }[];
  /** Present if the session did not exist until then. */
  created?: true;
  /** Present if the session was deleted until then. */
  revival?: Revival;
  /** Present if a summary is due. */
  summaryBacklog?: SummaryBacklog;
}

/**
 * Returns a function that appends messages to a session. It creates a missing session. It revives a
 * deleted session without its earlier messages, which stay deleted and can be restored.
 *
 * With a user, the session becomes one of that user's, unless it is another's.
 *
 * The function throws `ServiceError`: INVALID_ARGUMENT when two of the messages have the same uuid, or
 * one is more than five minutes ahead of now;
 * NOT_FOUND when the user of the session, or the given one, is deleted or missing; ALREADY_EXISTS when
 * the session has another user; PERMISSION_DENIED when a pinned caller may not
 * use that session.
 */
export function createAppend(deps: Dependencies) {
  const createSession = sessionCreator(deps);

  return async (
    caller: Caller,
    session_id: string,
    added: readonly AddedMessage[],
    user_id?: string,
  ): Promise<AddResult> => {
    const uuids = added.flatMap(({ uuid }) => (uuid === undefined ? [] : [uuid]));
    if (new Set(uuids).size < uuids.length) throw new ServiceError({ kind: 'duplicate_uuids' });
    assertNotAhead(added, deps.now());
    const store = await deps.store();
    const { namespace } = caller;
    const terms = isShort(added) ? added.map(termsOf) : await mapInSlices(added, analyseMessage);
    const append = { messages: toStored(deps, added, terms), hasClientUuids: uuids.length > 0 };
    const claim =
      user_id === undefined
        ? undefined
        : await claimSession(deps, caller, store, session_id, user_id);
    let created = claim === 'created';
    const write = () => {
      // Each attempt takes a new time: no message may be older than its session.
      const now = { at: timestamp(deps.now()), newUuid: deps.newUuid };
      return store.messages
        .append(caller, session_id, { ...append, ...now })
        .catch((error: unknown) => {
          throw withRepeatableUuids(error, append.messages);
        });
    };
    const attempt = async () => {
      const outcome = await write();
      if (outcome.applied || outcome.found !== undefined) return outcome;
      // Only a pinned caller gets here: the session does not exist, or is another user's.
      created = (await createSession(caller, store, { session_id })).applied;
      return write();
    };
    let outcome = await attempt();
    if (!outcome.applied) {
      outcome = await retryAfterPurge(
        deps,
        outcome,
        (outcome) => (outcome.applied ? undefined : outcome.found),
        (cutoff) => store.sessions.purge(namespace, session_id, cutoff),
        attempt,
      );
    }
    if (!outcome.applied) {
      throw await sessionNotFound(deps, caller, store, session_id, outcome.found);
    }
    const { session, messages, retired } = outcome.record;
    deps.embeddings?.offer(
      namespace,
      messages.map(({ seq }, i) => ({
        place: { session_id, session_uuid: session.uuid, seq },
        content: added[i]?.content as string,
      })),
    );
    deps.onChange(namespace, { session_id, owner: session.user_id, listed: true });
    // Last: the messages are stored and announced even if this fails.
    if (claim === 'to_be_assigned') {
      await assignUser(deps, caller, store, session_id, user_id as string);
    }
    return {
      session,
      ...((created || outcome.record.created === true) && { created: true }),
      messages: messages.map(({ uuid, seq, created }) => ({
        uuid,
        seq,
        status: created ? 'created' : 'updated',
      })),
      ...(retired !== undefined && { revival: toRevival(deps, retired) }),
      ...summaryBacklog(outcome.record, WINDOW_DEFAULT),
    };
  };
}

/** The number of messages that get_memory returns by default. */
export const WINDOW_DEFAULT = 12;

/** The live messages of a session that its newest summary does not cover. */
export interface SummaryBacklog {
  from_seq: number;
  up_to_seq: number;
}

/**
 * The messages for which a summary is due: those after the newest summary, once they exceed twice
 * the window.
 *
 * @param window in messages
 */
export function summaryBacklog(
  { first_seq, last_seq, summary }: SeqRange & { summary?: { up_to_seq: number } },
  window: number,
): { summaryBacklog?: SummaryBacklog } {
  const from_seq = summary === undefined ? first_seq : summary.up_to_seq + 1;
  return last_seq - from_seq + 1 > 2 * window
    ? { summaryBacklog: { from_seq, up_to_seq: last_seq } }
    : {};
}

/** The bytes of a token, on average. */
export const BYTES_PER_TOKEN = 4;

/**
 * Estimates the tokens of a text. Real tokenizers differ from each other by more than the error of
 * this estimate.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** How far the time of a message may be ahead of this server's clock: callers have clocks of their own. */
export const MAX_AHEAD_MS = 300_000;

function assertNotAhead(added: readonly AddedMessage[], now: number): void {
  const latest = timestamp(now + MAX_AHEAD_MS);
  for (const [index, { created_at }] of added.entries()) {
    if (created_at === undefined || created_at <= latest) continue;
    throw new ServiceError({ kind: 'message_ahead', index, created_at, now: timestamp(now) });
  }
}

/** Up to this many characters are analysed without pauses: at most 2 ms, usually far less. */
const SHORT_LENGTH = 500;

const isShort = (added: readonly AddedMessage[]) =>
  added.reduce((length, { content }) => length + content.length, 0) <= SHORT_LENGTH;

/** The messages as a store takes them, with their search terms. */
function toStored(
  deps: Dependencies,
  added: readonly AddedMessage[],
  terms: readonly string[][],
): Append['messages'] {
  return added.map(({ uuid, role, content, parts, metadata = {}, created_at }, i) => ({
    uuid: uuid ?? deps.newUuid(),
    hasClientUuid: uuid !== undefined,
    ...{ role, content, metadata },
    ...(parts !== undefined && parts.length > 0 && { parts: storedParts(parts) }),
    ...(created_at !== undefined && { created_at }),
    token_count: estimateTokens(content),
    terms: terms[i] as string[],
  }));
}

function storedParts(parts: readonly Json[]): MessageParts {
  const whole = JSON.stringify(parts);
  const preview = JSON.stringify(partsPreview(parts));
  return preview === whole ? { preview } : { preview, whole };
}

/** @param retired the oldest first */
function toRevival(deps: Dependencies, retired: readonly RetiredRange[]): Revival {
  const restorable = retired.filter((range) => !isPastUndoDeadline(deps, range));
  const [oldest] = restorable;
  const purge_at = oldest && undoDeadline(oldest.deleted_at, deps.purgeAfter);
  return {
    deleted_message_count: restorable.reduce(
      (sum, { first_seq, last_seq, deleted_count = 0 }) =>
        sum + last_seq - first_seq + 1 - deleted_count,
      0,
    ),
    ...(purge_at !== undefined && { purge_at }),
  };
}

/**
 * Adds the uuids to an error that leaves open whether the messages were stored. Repeating the append
 * with these uuids is safe; without them, it would store the messages once more.
 */
function withRepeatableUuids(error: unknown, messages: Append['messages']): unknown {
  const generated = messages.some(({ hasClientUuid }) => !hasClientUuid);
  if (!(error instanceof DomainError) || !error.outcomeUnknown || !generated) return error;
  const uuids = messages.map(({ uuid }) => uuid);
  const problem = error.message.replace(REPEAT, '').trimEnd();
  return new ServiceError(
    { kind: 'append_outcome_unknown', code: error.code, problem, uuids },
    { cause: error, outcomeUnknown: true },
  );
}
