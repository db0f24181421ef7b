import type { Message, Session } from '../../domain/records.ts';
import { shownSpeaker } from '../../domain/speakers.ts';
import type { Store } from '../../store/port.ts';
import type { CoveredSession } from '../facts/coverage.ts';

/** A batch is ready at this number of messages, however new they are. */
export const READY_COUNT = 20;

/** The most messages of a batch, and the most bytes of their texts. */
const BATCH_MESSAGES = 100;
const BATCH_BYTES = 24 * 1024;

/** A message as the model reads it. */
export interface BatchMessage {
  session_id: string;
  uuid: string;
  role: string;
  /** Who speaks, if that was said. */
  speaker: string | undefined;
  created_at: string;
  /** Cut, if it is longer than a batch. */
  text: string;
}

/** Messages of one user from which facts are drawn at once. */
export interface Batch {
  user_id: string;
  /** How far each session will have been read. */
  sessions: (CoveredSession & { through_seq: number })[];
  /** Those that say something. */
  messages: BatchMessage[];
}

/** What is uncovered in some sessions of a user. */
export interface Uncovered {
  /** The first uncovered messages. Without sessions, there are none. */
  batch: Batch;
  /** How many messages are uncovered, as far as they were read. */
  count: number;
  /** When the first of them was said. */
  oldest: string | undefined;
  /** The sessions that are covered. */
  covered: Session[];
}

/**
 * Reads uncovered messages of sessions of one user, in the order of the sessions, until a batch is full.
 *
 * @param covered how far each session was read, by its uuid
 */
export async function readUncovered(
  store: Store,
  namespace: string,
  user_id: string,
  sessions: readonly Session[],
  coverage: ReadonlyMap<string, number>,
): Promise<Uncovered> {
  const batch: Batch = { user_id, sessions: [], messages: [] };
  const covered: Session[] = [];
  let [count, bytes] = [0, 0];
  let oldest: string | undefined;
  for (const session of sessions) {
    if (count >= BATCH_MESSAGES || bytes >= BATCH_BYTES) break;
    const { session_id, uuid } = session;
    const found = await store.messages.read({ namespace }, session_id, {
      ...{ order: 'asc', limit: BATCH_MESSAGES - count, after: coverage.get(uuid) ?? 0 },
      ...{ metadataMaxBytes: 0, enough: { total: BATCH_BYTES - bytes, each: BATCH_BYTES } },
    });
    const now = found?.conversation.session;
    const isSame = now?.uuid === uuid && now.user_id === user_id && now.deleted_at === undefined;
    if (found === undefined || !isSame) continue;
    if (found.messages.length === 0) covered.push(session);
    let through_seq: number | undefined;
    for (const message of found.messages) {
      const text = cut(message.content);
      const size = Buffer.byteLength(text);
      if (count > 0 && bytes + size > BATCH_BYTES) break;
      if (/\S/.test(text)) batch.messages.push(shownTo(message, text));
      through_seq = message.seq;
      bytes += size;
      count++;
      if (oldest === undefined || message.created_at < oldest) oldest = message.created_at;
    }
    if (through_seq === undefined && found.messages.length > 0) break;
    if (through_seq !== undefined) batch.sessions.push({ session_id, uuid, through_seq });
  }
  return { batch, count, oldest, covered };
}

function shownTo(message: Message, text: string): BatchMessage {
  const { session_id, uuid, created_at } = message;
  const { role, role_type } = shownSpeaker(message);
  return { session_id, uuid, role: role_type, speaker: role, created_at, text };
}

/** The beginning of a text that fits into a batch. */
function cut(text: string): string {
  if (Buffer.byteLength(text) <= BATCH_BYTES) return text;
  const head = Buffer.from(text).subarray(0, BATCH_BYTES).toString();
  // It may end within a character.
  return head.replace(/\uFFFD$/, '');
}
