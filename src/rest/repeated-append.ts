import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../domain/errors.ts';
import type { Message } from '../domain/records.ts';
import type { AddedMessage } from '../services/append.ts';
import type { RestContext } from './route.ts';

/** How long after an append the same one counts as its repetition: longer than the clients go on repeating. */
const WINDOW_MS = 15_000;

type AddResult = Awaited<ReturnType<RestContext['memory']['add']>>;

/** Appends under way in this process, by what they append. */
const underWay = new Map<string, Promise<AddResult | undefined>>();

/**
 * Appends messages, unless the call repeats one whose answer was lost. The clients repeat such a call by
 * themselves, and give no uuids. It is recognised by this: the session ends with exactly these messages, and
 * they were stored a short time ago. Messages with uuids of their own are told apart by these.
 *
 * @returns `undefined` for a repetition
 */
export async function appendOnce(
  context: RestContext,
  sessionId: string,
  messages: readonly AddedMessage[],
): Promise<AddResult | undefined> {
  const { caller, memory } = context;
  if (messages.some(({ uuid }) => uuid !== undefined))
    return memory.add(caller, sessionId, messages);
  const key = JSON.stringify([caller.namespace, caller.user_id, sessionId, messages]);
  const first = underWay.get(key);
  if (first !== undefined) {
    await first;
    return undefined;
  }
  const append = async () =>
    (await isRepetition(context, sessionId, messages))
      ? undefined
      : memory.add(caller, sessionId, messages);
  const appending = append().finally(() => underWay.delete(key));
  underWay.set(key, appending);
  return appending;
}

/** Whether a session ends with exactly these messages, stored a short time ago. */
async function isRepetition(
  { caller, memory, now }: RestContext,
  sessionId: string,
  messages: readonly AddedMessage[],
): Promise<boolean> {
  const since = new Date(now() - WINDOW_MS).toISOString();
  const isSame = (stored: Message, added: AddedMessage | undefined) =>
    added !== undefined &&
    stored.updated_at >= since &&
    stored.role === added.role &&
    stored.content === added.content &&
    (added.created_at === undefined || stored.created_at === added.created_at) &&
    isDeepStrictEqual(stored.parts ?? [], added.parts ?? []) &&
    isDeepStrictEqual(stored.metadata, added.metadata ?? {});
  // The last message tells the usual case, which is no repetition.
  let compared = 0;
  let cursor: string | undefined;
  for (let limit = 1; compared < messages.length; limit = messages.length) {
    const page = await memory
      .list(caller, sessionId, { order: 'desc', limit, ...(cursor !== undefined && { cursor }) })
      .catch((error: unknown) => {
        if (error instanceof DomainError && error.code === 'NOT_FOUND') return undefined;
        throw error;
      });
    if (page === undefined || page.messages.length === 0) return false;
    for (const stored of page.messages.slice(0, messages.length - compared)) {
      if (!isSame(stored, messages[messages.length - 1 - compared])) return false;
      compared++;
    }
    cursor = page.next_cursor;
    if (cursor === undefined) break;
  }
  return compared === messages.length;
}
