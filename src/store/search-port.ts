import type { JsonObject } from '../domain/metadata.ts';
import type { MessagePosition, SeqRange } from '../domain/positions.ts';
import type { Message, Session } from '../domain/records.ts';
import type { Candidate } from '../search/bm25.ts';

/**
 * Where a search looks: in one session, which has to be the user's if one is named, in the sessions of
 * one user, or in all of the namespace.
 */
export interface SearchScope {
  session_id?: string | undefined;
  user_id?: string | undefined;
}

/** Only messages that were created in this time, its ends included. */
export interface TimeRange {
  since?: string | undefined;
  until?: string | undefined;
}

export interface TermQuery extends TimeRange {
  /** Any of these. */
  terms: readonly string[];
  /** Terms that nothing is looked for by, though `matched` tells of them too. */
  also: readonly string[];
  /** Of each term, only so many, the newest. */
  limit: number;
  /** Only messages of these roles, which are canonical. */
  roles?: readonly string[] | undefined;
  /** Only messages whose role has this word: see `hasRoleWord`. */
  roleWord?: string | undefined;
  /** No messages of the session with this uuid. */
  exceptSession?: string | undefined;
  /** Only messages whose metadata contains all of this. */
  metadata?: JsonObject | undefined;
  /**
   * For each term, where an earlier query has ended: the `next` of its answer. Messages that it has found
   * are not found again.
   */
  after?: readonly (string | null)[] | undefined;
  /** For each term, the last message to look at, in the same form; `null`: all. */
  end?: readonly (string | null)[] | undefined;
}

export interface Candidates {
  candidates: Candidate[];
  /** The live messages of the sessions that they are in, by the uuids of these. */
  ranges: ReadonlyMap<string, SeqRange>;
  /** The terms of which there are, or may be, more. */
  cut: string[];
  /** For each term, where to go on, in a form of the store; `null` if there are no more. */
  next: readonly (string | null)[];
  /**
   * Some messages still have the terms of an older version of the analysis, and may be missing. They are
   * being analysed anew.
   */
  outdated?: true;
}

/** A message with the session that it is in. */
export interface ResolvedMessage {
  place: MessagePosition;
  message: Message;
  session: Session;
}

/** How much is read of messages that are found by their positions. */
interface ResolveLimits {
  /** Session metadata of more bytes than this, as the store counts them, is left out. */
  metadataMaxBytes: number;
  /** Contents are cut to this many characters (code points), if it is given. */
  contentMaxLength?: number;
  /**
   * Reading ends where the contents come to `total` bytes, each counted with at most `each`: a page of
   * the longest messages must not be in memory as a whole.
   */
  enough: { total: number; each: number };
}

export interface SearchStore {
  /** Live messages that have at least one of the terms. */
  candidates(namespace: string, scope: SearchScope, query: TermQuery): Promise<Candidates>;

  /**
   * Some terms of the messages in a scope that begin with `prefix`, deleted messages included.
   *
   * @param limit how many, at most
   */
  vocabulary(
    namespace: string,
    scope: SearchScope,
    prefix: string,
    limit: number,
  ): Promise<string[]>;

  /**
   * Live messages by their positions, in the order of these; those that are gone are missing.
   *
   * @returns the messages of the first `covered` positions
   */
  findByPosition(
    namespace: string,
    positions: readonly MessagePosition[],
    limits: ResolveLimits,
  ): Promise<{ messages: ResolvedMessage[]; covered: number }>;
}

/** A message whose meaning can be compared with others', by the model that made the vector. */
export interface MessageVector {
  place: MessagePosition;
  /** Tells whether the message still says what the vector stands for. */
  digest: string;
  vector: Uint8Array;
}

interface VectorQuery extends TimeRange {
  model: string;
  /** Only so many, the newest. */
  limit: number;
}

export interface NewestVectors {
  vectors: MessageVector[];
  /** The live messages of the sessions that they are in, if not of others as well. */
  ranges: ReadonlyMap<string, SeqRange>;
  /** How many of the newest are another model's, and not among them. */
  outdated: number;
  /** There are, or may be, more. */
  cut: boolean;
}

/** A message that has no vector of a model. */
export interface UnembeddedMessage {
  namespace: string;
  place: MessagePosition;
  content: string;
}

export interface VectorStore {
  /** Keeps vectors of messages that are still there, each in the place of the one before. */
  put(model: string, vectors: readonly (MessageVector & { namespace: string })[]): Promise<void>;

  /** The newest vectors of live messages. */
  newest(namespace: string, scope: SearchScope, query: VectorQuery): Promise<NewestVectors>;

  /**
   * Live messages of every namespace that have no vector of `model`, among the `limit` behind `after`.
   * `next` is where to go on; without it, there are no more.
   */
  unembedded(
    model: string,
    after: string | undefined,
    limit: number,
  ): Promise<{ messages: UnembeddedMessage[]; next?: string }>;
}
