import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { derivedUuid } from '../domain/derived-uuid.ts';
import type { Message } from '../domain/records.ts';
import type { AddedMessage } from '../services/append.ts';
import { isRefusal } from '../services/errors.ts';
import type { RestContext } from './route.ts';

/** How long after an append the same one counts as its repetition: longer than the clients go on repeating. */
const WINDOW_MS = 15_000;

/**
 * Appends messages, unless the call repeats one whose answer was lost. The clients repeat such a call by
 * themselves, and give no uuids. One that comes later is recognised by this: the session ends with exactly
 * these messages, and they were stored a short time ago. Those that are under way at once, here or in another
 * server, find the session at the same end. They give their messages the same uuids, so that the store keeps one.
 *
 * @returns the `seq` of the last message
 */
export async function appendOnce(
  context: RestContext,
  sessionId: string,
  messages: readonly AddedMessage[],
): Promise<number> {
  const end = await endOf(context, sessionId, messages);
  if (end.repeated) return end.last.seq;
  const { caller, memory } = context;
  const named = withUuids(messages, [caller.namespace, sessionId, end.last?.uuid, end.deleted_at]);
  const added = await memory.add(caller, sessionId, named);
  return Math.max(...added.messages.map(({ seq }) => seq));
}

/** The same messages, each with a uuid: it is made of all of them and of the end that they are added to. */
function withUuids(messages: readonly AddedMessage[], end: readonly unknown[]): AddedMessage[] {
  const text = JSON.stringify([end, messages]);
  const digest = createHash('sha256').update(text).digest('base64');
  return messages.map((message, i) => ({
    ...message,
    uuid: message.uuid ?? derivedUuid('message', digest, i),
  }));
}

/** The end of a session, as an append finds it. */
type End =
  | { repeated: true; last: Message }
  | { repeated: false; last?: Message | undefined; deleted_at?: string | undefined };

/** Reads the end of a session, and tells whether it is exactly these messages, stored a short time ago. */
async function endOf(
  { caller, memory, now }: RestContext,
  sessionId: string,
  messages: readonly AddedMessage[],
): Promise<End> {
  const since = new Date(now() - WINDOW_MS).toISOString();
  // The last message tells the usual case, which is no repetition.
  let compared = 0;
  let last: Message | undefined;
  let cursor: string | undefined;
  for (let limit = 1; compared < messages.length; limit = messages.length) {
    const page = await memory
      .list(caller, sessionId, { order: 'desc', limit, ...(cursor !== undefined && { cursor }) })
      .catch(missingSession);
    if ('deleted_at' in page) return { repeated: false, ...page };
    last ??= page.messages[0];
    for (const stored of page.messages.slice(0, messages.length - compared)) {
      const added = messages[messages.length - 1 - compared] as AddedMessage;
      if (stored.updated_at < since || !isSame(stored, added)) return { repeated: false, last };
      compared++;
    }
    cursor = page.next_cursor;
    if (cursor === undefined) break;
  }
  return compared === messages.length && last !== undefined
    ? { repeated: true, last }
    : { repeated: false, last };
}

/** A deleted session begins anew with the append, and one that does not exist begins. */
function missingSession(error: unknown): { deleted_at: string | undefined } {
  if (!isRefusal(error, 'session_not_found')) throw error;
  return { deleted_at: error.fact.deletion?.deleted_at };
}

const isSame = (stored: Message, added: AddedMessage): boolean =>
  stored.role === added.role &&
  stored.content === added.content &&
  (added.uuid === undefined || stored.uuid === added.uuid) &&
  (added.created_at === undefined || stored.created_at === added.created_at) &&
  isDeepStrictEqual(stored.parts ?? [], added.parts ?? []) &&
  isDeepStrictEqual(stored.metadata, added.metadata ?? {});
