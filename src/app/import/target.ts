import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import type { Message, Session } from '../../domain/records.ts';
import { fullJitter } from '../../search/model-api/backoff.ts';
import type { Caller } from '../../services/caller.ts';
import type { NewSession } from '../../services/create-session.ts';
import { isRefusal } from '../../services/errors.ts';
import type { MemoryService } from '../../services/memory.ts';
import type { SessionService } from '../../services/sessions.ts';
import type { NewUser, UserService } from '../../services/users.ts';
import type { ImportedMessage, ImportedSummary } from './records.ts';

/** The services of the store that is imported into. */
export interface TargetServices {
  users: UserService;
  sessions: SessionService;
  memory: MemoryService;
}

/**
 * How long a write is tried while the store is not available, and the bounds of the waits, in milliseconds.
 * MongoDB keeps what a killed process was writing locked for a minute.
 */
const PATIENCE_MS = 120_000;
const WAIT_MS = 250;
const WAIT_MAX_MS = 10_000;

/** A record that was deleted here. */
export interface Deleted {
  deleted_at: string;
}

export type Target = ReturnType<typeof createTarget>;

/**
 * The store that is imported into, with what an import needs of it. While the store is not available, it
 * tries again: all that it does can be repeated.
 */
export function createTarget(services: TargetServices, caller: Caller, signal: AbortSignal) {
  const { users, sessions, memory } = services;

  async function persist<T>(work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    for (let attempts = 1; ; attempts++) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        const passes = error instanceof DomainError && error.retryable;
        if (!passes || performance.now() - begun > PATIENCE_MS) throw error;
        await sleep(fullJitter(attempts, WAIT_MS, WAIT_MAX_MS), undefined, { signal }).catch(() => {
          signal.throwIfAborted();
        });
      }
    }
  }

  return {
    /** Adds a user, unless they are here, live or deleted. */
    addUser: (user: NewUser): Promise<'added' | 'present' | Deleted> =>
      persist(async () => {
        const found = await users.get(caller, user.user_id).catch(deletedOrMissing);
        if (found !== undefined) return 'user_id' in found ? 'present' : found;
        const added = await users.add(caller, user).catch(deletedOrTaken);
        return added === undefined ? 'present' : 'user_id' in added ? 'added' : added;
      }),

    /** A session; `undefined` if it was never here. */
    session: (sessionId: string): Promise<Session | Deleted | undefined> =>
      persist(() => sessions.get(caller, sessionId).catch(deletedOrMissing)),

    /** @throws ServiceError NOT_FOUND when there is no such user */
    addSession: (session: NewSession): Promise<Session | Deleted | undefined> =>
      persist(() => sessions.add(caller, session).catch(deletedOrTaken)),

    /** A message of a live session; `undefined` if it was never here. */
    message: (sessionId: string, uuid: string): Promise<Message | Deleted | undefined> =>
      persist(() => memory.getMessage(caller, sessionId, uuid).catch(deletedOrMissing)),

    /** The uuid of the last message of a session. */
    lastMessage: (sessionId: string): Promise<string | undefined> =>
      persist(async () => {
        const { messages } = await memory.list(caller, sessionId, { order: 'desc', limit: 1 });
        return messages[0]?.uuid;
      }),

    append: (sessionId: string, messages: readonly ImportedMessage[]) =>
      persist(() => memory.add(caller, sessionId, messages)),

    /**
     * Gives a session a summary, unless it has one that reaches as far.
     *
     * @param up_to_seq the last message that it covers
     */
    summarize: (
      sessionId: string,
      { content, created_at }: ImportedSummary,
      up_to_seq: number,
    ): Promise<'added' | 'present' | 'has_another'> =>
      persist(async () => {
        const { summary } = await memory.get(caller, sessionId, { last_n: 1, context_tokens: 0 });
        if (summary !== undefined && summary.up_to_seq >= up_to_seq) {
          return summary.content === content ? 'present' : 'has_another';
        }
        await memory.summarize(caller, sessionId, { content, created_at, up_to_seq });
        return 'added';
      }),
  };
}

/** For a record that is not found: its deletion, or `undefined` if it was never there. */
function deletedOrMissing(error: unknown): Deleted | undefined {
  if (isRefusal(error, 'user_not_found', 'session_not_found', 'message_not_found')) {
    return error.fact.deletion;
  }
  throw error;
}

/** For an identifier that is taken: the deletion of the record that has it, or `undefined` if that is live. */
function deletedOrTaken(error: unknown): Deleted | undefined {
  if (isRefusal(error, 'user_exists', 'session_exists')) return error.fact.deletion;
  throw error;
}
