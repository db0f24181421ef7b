import type { AnswerShape } from '../services/dependencies.ts';

/** The most bytes of records in one answer. */
export const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

/** More than any record has, however a store counts it. */
const RECORD_MAX_BYTES = 8 * 1024 * 1024;

/** Programs get records whole: nothing is shortened, and only a page that grows very long ends early. */
export const REST_ANSWER: AnswerShape = {
  pageMaxBytes: ANSWER_MAX_BYTES,
  metadataMaxBytes: RECORD_MAX_BYTES,
  contentMaxBytes: RECORD_MAX_BYTES,
  hitMaxBytes: RECORD_MAX_BYTES,
  record: (record) => record,
  message: (message) => message,
  messageBytes: ({ content }) => Buffer.byteLength(content),
  hit: async (message) => message,
  neighbour: ({ uuid, seq, role, content }) => ({ uuid, seq, role, content }),
};
