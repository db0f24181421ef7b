import type { MessagePosition } from '../domain/positions.ts';
import type { Message } from '../domain/records.ts';
import type { Store } from '../store/port.ts';
import type { ChangeEvent } from './events.ts';
import type { FairQueue } from './fair-queue.ts';

/**
 * The dependencies of the services. The store is requested only when a call needs it, so that a
 * server answers its handshake before any store is open.
 */
export interface Dependencies {
  store(): Promise<Store>;
  /** Milliseconds since 1970. */
  now(): number;
  /** A new UUID version 7. */
  newUuid(): string;
  /**
   * How long soft-deleted records are kept, in milliseconds; `undefined` keeps them for ever. Read
   * it at each use: it changes as servers start and stop.
   */
  readonly purgeAfter: number | undefined;
  /** Embeds messages and queries, if an embeddings endpoint is configured. */
  embeddings?: Embeddings | undefined;
  /** Whether a model of the server's draws facts from messages, so that no agent has to. */
  extractsFacts?: boolean | undefined;
  /** Limits the concurrent searches and long lists of all callers. */
  longReads: FairQueue;
  /** Called with every change once the store has acknowledged it. */
  onChange(namespace: string, event: ChangeEvent): void;
  /** The rendering of records by the front end, which decides how many fit on a page. */
  answer: AnswerShape;
}

/** Embeds texts with one model. */
export interface Embeddings {
  /** The name of the model. Vectors of different models cannot be compared. */
  model: string;
  /** Queues stored messages to be embedded in the background. */
  offer(namespace: string, messages: readonly { place: MessagePosition; content: string }[]): void;
  /**
   * Embeds a query.
   *
   * @returns the vector in the form in which vectors are stored
   * @throws EndpointError if the endpoint does not answer in the time that a search has
   */
  question(text: string): Promise<Uint8Array>;
}

/**
 * How a front end renders records. A record may hold a megabyte, but an answer may not: the
 * services end a page when the rendered records reach its size.
 */
export interface AnswerShape {
  /** The most bytes of records in one answer, as JSON. */
  pageMaxBytes: number;
  /** The most bytes of metadata shown of a record, as JSON. Stores leave more than that out of lists. */
  metadataMaxBytes: number;
  /** The most bytes of content shown of a message, as JSON. */
  contentMaxBytes: number;
  /** The most bytes of content shown of a search hit, as JSON. */
  hitMaxBytes: number;
  /** A session or user as it is shown. */
  record<T extends Pick<Message, 'metadata' | 'metadata_omitted_bytes'>>(record: T): T;
  /**
   * A message as it is shown.
   *
   * @param offset where its content begins, in characters (UTF-16 code units)
   */
  message(message: Message, offset?: number): Message;
  /** How many bytes a message, as it is shown, takes in an answer. */
  messageBytes(shown: Message): number;
  /** A search hit as it is shown: its content around the first of the terms. */
  hit(message: Message, terms: readonly string[]): Promise<Message>;
  /** The message before or after a hit as it is shown. */
  neighbour(message: Message): Neighbour;
}

/** A message before or after a search hit. */
export type Neighbour = Pick<Message, 'uuid' | 'seq' | 'role' | 'content'>;

/** Dependencies of which some are others. What changes with time is read at each use, as in the first ones. */
export const dependenciesWith = (deps: Dependencies, others: Partial<Dependencies>): Dependencies =>
  Object.create(deps, Object.getOwnPropertyDescriptors(others));
