import type { EmbeddingProblem } from '../../search/embeddings/error.ts';

/** What a search did not look at. A front end says how to get at it. */
export type SearchNote =
  | { kind: 'no_terms' }
  /** The query has more different words than are looked for. */
  | { kind: 'words_omitted'; searched: number; omitted: number }
  /**
   * Some words are in more messages than are ranked of each word; all messages up to `until` are
   * older than those.
   */
  | { kind: 'messages_omitted'; ranked_per_word: number; until: string | undefined }
  | { kind: 'embeddings_unavailable'; problem: EmbeddingProblem }
  /** Messages whose vectors were made by another model. */
  | { kind: 'other_model'; messages: number }
  /** There are more vectors than are compared. */
  | { kind: 'vectors_omitted'; compared: number };
