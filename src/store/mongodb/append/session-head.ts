import { LRUCache } from 'lru-cache';
import { positionKey, type SeqRange } from '../../../domain/positions.ts';
import { timestamp } from '../../../domain/times.ts';
import { ANALYSIS_VERSION } from '../../../search/analyzer.ts';
import { lastTime } from '../../last-time.ts';
import type { Append, Appended, NewMessage, RetiredRange } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { type MessageDocument, messageKey, type SessionDocument } from '../documents.ts';
import { encodeMetadata } from '../metadata-codec.ts';
import { firstKeptSeq, rangesAfterRevival, toRetiredRange } from '../purge/retired-ranges.ts';

/**
 * What an append knows of a session. Of a deleted one, `first_seq`, `summarized` and `retired` are what
 * they become with its revival.
 */
export interface SessionHead extends SeqRange {
  /** The session's uuid. */
  _id: string;
  namespace: string;
  session_id: string;
  user_id?: string;
  last_message_at?: Date;
  /** How many live messages were deleted individually. */
  deleted_count?: number;
  /** The last message that the newest summary covers. */
  summarized?: number;
  /** See `index.ts`; `null` until somebody has fenced. */
  fence: number | null;
  /** Present if the session is deleted: what it is at the moment. */
  deleted?: { first_seq: number; kept_seq: number; deleted_at: Date };
  /** Its document is still to be inserted. */
  isNew?: true;
  revived_by?: string;
  retired?: readonly RetiredRange[];
}

type SessionId = Pick<SessionHead, 'namespace' | 'session_id'>;

/** @param document a session whose user is not deleted */
export function headOf(document: SessionDocument): SessionHead {
  const { _id, namespace, session_id, user_id, first_seq, last_seq, fence = null } = document;
  const { last_message_at, summary, deleted_at, retired = [], revived_by } = document;
  const common = {
    ...{ _id, namespace, session_id, last_seq, fence },
    ...(user_id !== undefined && { user_id }),
    ...(last_message_at !== undefined && { last_message_at }),
  };
  if (document.live === false && deleted_at !== undefined) {
    const deleted = { first_seq, kept_seq: firstKeptSeq(document), deleted_at };
    const ranges = rangesAfterRevival(document).map(toRetiredRange);
    return { ...common, first_seq: last_seq + 1, deleted, retired: ranges };
  }
  return {
    ...{ ...common, first_seq, retired: retired.map(toRetiredRange) },
    ...(document.deleted_count !== undefined && { deleted_count: document.deleted_count }),
    ...(summary !== undefined && { summarized: summary.up_to_seq }),
    ...(revived_by !== undefined && { revived_by }),
  };
}

/** A session that is not there yet, before its first message. */
export const newHead = ({ namespace, session_id }: SessionId, _id: string): SessionHead => ({
  ...{ _id, namespace, session_id, first_seq: 1, last_seq: 0, fence: null, isNew: true },
});

/** The head once it has moved over the messages of an append. */
export function headAfter(head: SessionHead, count: number, append: Append): SessionHead {
  const { deleted: _, isNew: __, ...rest } = head;
  const at = new Date(lastTime(append));
  const { last_seq, last_message_at = at } = rest;
  const latest = last_message_at > at ? last_message_at : at;
  return { ...rest, last_seq: last_seq + count, last_message_at: latest };
}

/** New messages of an append as they are stored from `first` on. */
export function toDocuments(
  head: SessionHead,
  first: number,
  { messages, at: time }: Append,
): MessageDocument[] {
  const at = new Date(time);
  const { user_id, fence } = head;
  return messages.map((message, i) => ({
    _id: positionKey({ session_uuid: head._id, seq: first + i }),
    ...messageKey(head),
    ...(user_id !== undefined && { user_id }),
    ...(fence !== null && { fence }),
    ...{ seq: first + i, uuid: message.uuid, created_at: at, updated_at: at, revision: 0 },
    ...toFields(message),
    metadata: encodeMetadata(message.metadata),
  }));
}

/** What an append says of a message, except its metadata, which is merged where it is there already. */
export function toFields({ role, content, parts, token_count, terms, created_at }: NewMessage) {
  return {
    ...{ role, content, token_count, terms, analysis: ANALYSIS_VERSION },
    ...(parts !== undefined && { parts: parts.preview }),
    ...(parts?.whole !== undefined && { parts_whole: parts.whole }),
    ...(created_at !== undefined && { created_at: new Date(created_at) }),
  };
}

/**
 * The answer to an append.
 *
 * @param head as it is with its messages
 * @param live those of them that were there before
 * @param added the others
 */
export function toAppended(
  head: SessionHead,
  { messages }: Append,
  live: ReadonlyMap<string, MessageDocument>,
  added: readonly MessageDocument[],
): Appended {
  const { _id, session_id, user_id, first_seq, last_seq, last_message_at, summarized } = head;
  const message_count = last_seq - first_seq + 1 - (head.deleted_count ?? 0);
  const seqs = new Map([...live.values(), ...added].map(({ uuid, seq }) => [uuid, seq]));
  return {
    session: {
      ...{ session_id, uuid: _id, message_count },
      ...(user_id !== undefined && { user_id }),
      ...(last_message_at && { last_message_at: timestamp(last_message_at.getTime()) }),
    },
    ...{ first_seq, last_seq },
    ...(summarized !== undefined && { summary: { up_to_seq: summarized } }),
    messages: messages.map(({ uuid, hasClientUuid }) => {
      return { uuid, seq: seqs.get(uuid) as number, created: !hasClientUuid || !live.has(uuid) };
    }),
    // Also where an earlier attempt at this append revived the session.
    ...(head.revived_by === messages[0]?.uuid && { retired: head.retired ?? [] }),
  };
}

/** With identifiers of the usual length, some three megabytes. */
const MAX_ENTRIES = 5000;

const MAX_AGE_MS = 600_000;

/**
 * Where sessions ended when this process last appended to them. Other processes may have moved the end
 * since, so an entry is a guess that the append's own command has to confirm.
 */
export class SessionHeadCache {
  readonly #heads: LRUCache<string, SessionHead>;

  /**
   * @param purgeAfterMs how long a session stays deleted before it is purged. Entries are dropped
   *   earlier: messages appended to a purged session would never be found
   */
  constructor(purgeAfterMs = Number.POSITIVE_INFINITY) {
    const ttl = Math.max(1, Math.floor(Math.min(MAX_AGE_MS, purgeAfterMs / 2)));
    this.#heads = new LRUCache({ max: MAX_ENTRIES, ttl });
  }

  /** Removes and returns the entry of a session: whoever takes it will put a newer one. */
  take(ref: SessionRef): SessionHead | undefined {
    const key = keyOf(ref);
    const head = this.#heads.peek(key);
    // A caller outside the session's scope neither sees nor removes the entry.
    if (head === undefined || !inScope(ref, head)) return undefined;
    this.#heads.delete(key);
    return head;
  }

  /** Removes the entry of a session that is about to change in another way than by an append. */
  forget(ref: SessionRef): void {
    this.take(ref);
  }

  put({ retired: _, ...head }: SessionHead): void {
    this.#heads.set(keyOf(head), head);
  }
}

const keyOf = ({ namespace, session_id }: Pick<SessionHead, 'namespace' | 'session_id'>) =>
  JSON.stringify([namespace, session_id]);

const inScope = ({ user_id }: SessionRef, head: SessionHead) =>
  user_id === undefined || user_id === head.user_id;
