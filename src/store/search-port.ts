import type { Message, Session } from '../domain/records.ts';

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
}

/** Names a message by where it is. */
export interface MessagePosition {
  session_id: string;
  /** Of all sessions that ever had the identifier, the one that it is in. */
  session_uuid: string;
  seq: number;
}

/** A message that has at least one of the terms that are looked for. */
export interface Candidate extends MessagePosition {
  role: string;
  /** Milliseconds since 1970. */
  created_at: number;
  /** The terms that are looked for, each as often as the message has it. */
  matched: readonly string[];
  /** How many terms it has in all. */
  length: number;
}

/** Messages of a session: those from `first_seq` to `last_seq`, without a gap. */
export interface SeqRange {
  first_seq: number;
  last_seq: number;
}

export interface Candidates {
  candidates: Candidate[];
  /** The live messages of the sessions that they are in, by the uuids of these. */
  ranges: ReadonlyMap<string, SeqRange>;
  /** The terms of which there are, or may be, more. */
  cut: string[];
}

/** A message with the session that it is in. */
export interface ResolvedMessage {
  place: MessagePosition;
  message: Message;
  session: Session;
}

export interface SearchStore {
  /** Live messages that have one of the terms. */
  candidates(namespace: string, scope: SearchScope, query: TermQuery): Promise<Candidates>;

  /**
   * Live messages by their places, in that order, without those that are gone.
   *
   * @param metadataMaxBytes the metadata of a session that takes more is left out
   */
  findByPosition(
    namespace: string,
    places: readonly MessagePosition[],
    metadataMaxBytes: number,
  ): Promise<ResolvedMessage[]>;
}

/** A message whose meaning can be compared with others', by the model that made the vector. */
export interface MessageVector {
  place: MessagePosition;
  /** Tells whether the message still says what the vector stands for. */
  digest: string;
  vector: Uint8Array;
}

export interface VectorQuery extends TimeRange {
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
