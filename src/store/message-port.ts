import type { JsonObject } from '../domain/metadata.ts';
import type { SeqRange } from '../domain/positions.ts';
import type { Message, Session, Summary } from '../domain/records.ts';
import type { AccessScope, WriteResult } from './common-port.ts';

/**
 * A session with what its messages are counted by. The live ones have the sequence numbers
 * `first_seq` to `last_seq`, without a gap; where there are none, `last_seq` is `first_seq - 1`.
 */
export interface Conversation extends SeqRange {
  session: Session;
  /** The newest; covers messages that are live. */
  summary?: Summary;
}

/** The parts of a message as JSON text: a JSON array each. */
export interface MessageParts {
  /** What lists and searches read; short. */
  preview: string;
  /** What `find` reads; absent if that is the same. */
  whole?: string;
}

export interface NewMessage {
  uuid: string;
  /** The uuid is the caller's own, who may have sent the message before. */
  hasClientUuid: boolean;
  role: string;
  content: string;
  /** What it has beside its text. */
  parts?: MessageParts;
  metadata: JsonObject;
  token_count: number;
  /** When it was said, if not at the time of the append. */
  created_at?: string;
  /** What it is found by; stays in the store. */
  terms: readonly string[];
}

export interface Append {
  messages: readonly NewMessage[];
  /** Some of the uuids are the caller's, so messages with them may be there already. */
  hasClientUuids: boolean;
  at: string;
  /** A new UUID version 7, for a session that is created, or a retired message that gives up its own. */
  newUuid(): string;
}

/** Messages that were deleted with their session and stayed so when it was revived. */
export interface RetiredRange extends SeqRange {
  deleted_at: string;
  /** How many of the messages were deleted individually before. They stay so. */
  deleted_count?: number;
}

/** What an append tells of a session: what it knows without reading all of it. */
export type AppendedSession = Pick<
  Session,
  'session_id' | 'uuid' | 'user_id' | 'message_count' | 'last_message_at'
>;

/** Where messages are now; as a `Conversation`, of which it tells what an append knows. */
export interface Appended extends SeqRange {
  session: AppendedSession;
  /** Present if this append created the session. */
  created?: true;
  summary?: Pick<Summary, 'up_to_seq'>;
  messages: { uuid: string; seq: number; created: boolean }[];
  /**
   * Present if this append, or an earlier attempt at it, revived the session: its messages that can
   * still be put back, the oldest first.
   */
  retired?: readonly RetiredRange[];
}

/** A stretch of a session's messages: at most `limit`, from an end or behind a sequence number. */
export interface MessageRange {
  order: 'asc' | 'desc';
  limit: number;
  /** More than `limit`, at most so many, where the newest summary leaves more of them. */
  unsummarized?: number | undefined;
  /** Only messages behind this one in the order. */
  after?: number | undefined;
  /** How many to skip from there, or from the end where the order starts. */
  offset?: number | undefined;
  /** Metadata that takes more bytes than this, as the store counts them, is left out, as in a list. */
  metadataMaxBytes: number;
  /** Enough is read when the contents, each counted with at most `each`, come to `total` bytes. */
  enough: { total: number; each: number };
}

/** A message, if its session is live and has it; the session is there in whatever state it is. */
export interface FoundMessage {
  session: Session | undefined;
  message: Message | undefined;
  /** When the message was deleted individually. */
  deleted_at?: string;
}

/** The outcome of deleting or restoring messages of a session by their uuids. */
export interface ChangedMessages {
  /** The session as it is then, or as it was found if it is not live. */
  session: Session | undefined;
  /** Uuids that name no message of the session. If there are any, nothing was changed. */
  missing: string[];
  /** The messages that have changed. */
  changed: Pick<Message, 'uuid' | 'seq' | 'content'>[];
}

export interface MessageStore {
  /**
   * Appends messages to a session. If it is soft-deleted, it is revived: the messages that were deleted
   * with it become a retired range, which nothing reads and `restore` puts back, and the new ones are
   * numbered from behind it. If it is not there, it is created, without a user.
   *
   * A live message whose uuid comes again is updated in place: its role, content and parts are
   * replaced, and its time if a new one is given; its metadata is merged. If the message with that
   * uuid is retired or deleted, it gets a new uuid, and the new message is appended.
   *
   * Not applied to a session whose user is deleted; nor, where only one user's are in reach, to one
   * that is not there.
   */
  append(
    reach: AccessScope,
    sessionId: string,
    append: Append,
  ): Promise<WriteResult<Appended, Session>>;

  /** A session, live or soft-deleted, and a stretch of its messages, in the order asked for. */
  read(
    reach: AccessScope,
    sessionId: string,
    stretch: MessageRange,
  ): Promise<{ conversation: Conversation; messages: Message[] } | undefined>;

  /** A message by its uuid, with the whole of its parts. Without it, the session as it was found says why. */
  find(reach: AccessScope, sessionId: string, uuid: string): Promise<FoundMessage>;

  /**
   * Merges `patch` into the metadata of a message of a live session. Without a message, the session
   * as it was found says why.
   *
   * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
   */
  merge(
    reach: AccessScope,
    sessionId: string,
    uuid: string,
    patch: JsonObject,
    at: string,
  ): Promise<FoundMessage>;

  /**
   * Soft-deletes messages of a live session. Their places in the order stay empty. Messages that are
   * deleted already stay as they are.
   */
  delete(
    reach: AccessScope,
    sessionId: string,
    uuids: readonly string[],
    at: string,
  ): Promise<ChangedMessages>;

  /** Restores messages that `delete` has deleted. Those deleted at or before `cutoff` count as missing. */
  restore(
    reach: AccessScope,
    sessionId: string,
    uuids: readonly string[],
    cutoff: string | undefined,
  ): Promise<ChangedMessages>;

  /**
   * Makes `summary` the newest of a live session. Not applied unless it reaches to one of the
   * session's live messages, and at least as far as the newest before it.
   *
   * @param uuid of the summary, for a store that keeps the earlier ones
   */
  summarize(
    reach: AccessScope,
    sessionId: string,
    uuid: string,
    summary: Summary,
  ): Promise<WriteResult<Conversation>>;
}
