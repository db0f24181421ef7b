import type { EmbeddingProblem } from '../../search/embeddings/error.ts';

/** Something that a search left out. The front end explains how to find it. */
export type SearchNote =
  | { kind: 'no_terms' }
  /** The query has more different words than are searched for. */
  | { kind: 'words_omitted'; searched: number; omitted: number }
  /**
   * Some words occur in more messages than are ranked per word. All messages up to `until` are
   * older than the ranked ones.
   */
  | { kind: 'messages_omitted'; ranked_per_word: number; until: string | undefined }
  /** Messages of an older version of the server are being analysed anew. */
  | { kind: 'reanalysis' }
  | { kind: 'embeddings_unavailable'; problem: EmbeddingProblem }
  /** Messages with vectors of another model. */
  | { kind: 'other_model'; messages: number }
  /** More vectors exist than are compared. */
  | { kind: 'vectors_omitted'; compared: number };
