import type { EndpointProblem } from '../../search/model-api/error.ts';

/** A condition by which a search leaves messages out. */
export type Condition = 'session_id' | 'user_id' | 'roles' | 'metadata' | 'time';

/** Something that a search left out. The front end explains how to find it. */
export type SearchNote =
  | { kind: 'no_terms' }
  /** The query has more different words than are searched for. */
  | { kind: 'words_omitted'; searched: number; omitted: number }
  /** Some words occur in more messages than are ranked at once per word. */
  | { kind: 'messages_omitted'; ranked_per_word: number }
  /** No message has the words of the query. The hits have these, which are like them. */
  | { kind: 'similar_words'; how: 'beginning' | 'spelling'; words: readonly string[] }
  /** No message was found; outside of a condition of the search, some have the words. */
  | { kind: 'hits_outside'; of: Condition; messages: number; nearest?: string | undefined }
  /** No message was found by words, and there is no embeddings endpoint to find others. */
  | { kind: 'words_only' }
  /** Messages of an older version of the server are being analysed anew. */
  | { kind: 'reanalysis' }
  | { kind: 'embeddings_unavailable'; problem: EndpointProblem }
  /** Messages with vectors of another model. */
  | { kind: 'other_model'; messages: number }
  /** More vectors exist than are compared. */
  | { kind: 'vectors_omitted'; compared: number };
