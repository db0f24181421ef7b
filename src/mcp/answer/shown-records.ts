import { z } from 'zod';
import type { JsonObject } from '../../domain/metadata.ts';
import {
  type Message,
  message,
  type Session,
  session,
  type User,
  user,
} from '../../domain/records.ts';

/**
 * Records as answers show them. A model pays for each character, so they leave out what is empty, what
 * the caller has just said, and what only programs look at. The resource of a record has all of it.
 */

export const shownSession = session.partial({ metadata: true });

/** The schema of a session next to its messages. */
export const briefSession = shownSession.omit({ uuid: true, updated_at: true, deleted_at: true });

/** Shows a session next to its messages. */
export const showBriefly = (whole: Session): z.output<typeof briefSession> => {
  const { uuid: _, updated_at: __, deleted_at: ___, ...rest } = showRecord(whole);
  return rest;
};

/** The schema of a session whose messages have changed. */
export const changedSession = session.pick({ session_id: true, uuid: true, message_count: true });

/** Shows a session whose messages have changed. */
export const showChanged = ({ session_id, uuid, message_count }: Session) => ({
  ...{ session_id, uuid, message_count },
});

export const shownUser = user.partial({ metadata: true });

export const shownMessage = message
  .omit({ session_id: true, token_count: true, updated_at: true })
  .partial({ metadata: true, created_at: true });
type ShownMessage = z.output<typeof shownMessage>;

/** A message among those of several sessions. */
export const shownHit = shownMessage.extend({ session_id: z.string() });

/** A session or user without metadata that is empty. */
export function showRecord<T extends Session | User>(
  record: T,
): Omit<T, 'metadata'> & { metadata?: JsonObject } {
  const { metadata, ...rest } = record;
  return isEmpty(record) ? rest : record;
}

/** A message among others of its session. A new object. */
export function showMessage(whole: Message): ShownMessage {
  const shown = showUntimed(whole);
  shown.created_at = whole.created_at;
  return shown;
}

/** The same without its time. */
function showUntimed(whole: Message): ShownMessage {
  const {
    session_id: _,
    token_count: __,
    updated_at: ___,
    created_at: ____,
    metadata,
    ...rest
  } = whole;
  // The rest is a new object already.
  const shown: ShownMessage = rest;
  if (!isEmpty(whole)) shown.metadata = metadata;
  return shown;
}

/** A message among those of several sessions. */
export const showHit = (whole: Message): z.output<typeof shownHit> => ({
  session_id: whole.session_id,
  ...showMessage(whole),
});

/** The messages of one session in their order. */
export function showConversation(messages: readonly Message[]): ShownMessage[] {
  const tellsTime = newTimes();
  return messages.map((whole) =>
    tellsTime(whole.created_at) ? showMessage(whole) : showUntimed(whole),
  );
}

/** Leaves out times that tell nothing new. */
export function withoutRepeatedTimes<T extends { created_at: string }>(
  messages: readonly T[],
): (Omit<T, 'created_at'> & { created_at?: string })[] {
  const tellsTime = newTimes();
  return messages.map((shown) => {
    const { created_at, ...rest } = shown;
    return tellsTime(created_at) ? { ...rest, created_at } : rest;
  });
}

/** Messages that were said in less than this time, in milliseconds, were said at the same time. */
const SAME_TIME_MS = 60_000;

/** Returns a function that tells of each message of a conversation whether its time is shown. */
function newTimes(): (created_at: string) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return (created_at) => {
    const time = Date.parse(created_at);
    if (Math.abs(time - last) < SAME_TIME_MS) return false;
    last = time;
    return true;
  };
}

/** Metadata that was too large to be shown is not empty: `metadata_omitted_bytes` tells of it. */
function isEmpty({ metadata }: Pick<Session, 'metadata'>): boolean {
  for (const _ in metadata) return false;
  return true;
}
