import { jsonBytes } from '../../domain/metadata.ts';
import { excerpt } from '../../services/context/excerpt.ts';
import { truncateContent, truncateMetadata } from '../../services/context/truncate.ts';
import type { AnswerShape } from '../../services/dependencies.ts';
import { showMessage } from './shown-records.ts';

/** The most metadata shown per record, in bytes of JSON; larger metadata is left out. */
const METADATA_MAX_BYTES = 8_000;

/** The most content shown per message, in bytes of JSON. */
const CONTENT_MAX_BYTES = 32_000;

/** The most content shown per search hit. */
const HIT_MAX_BYTES = 4_000;

/** The most content shown per neighbour of a hit. */
const NEIGHBOUR_MAX_BYTES = 2_000;

/**
 * How tools show records. Hosts cut the answer of a tool at about 25,000 tokens: a page that would be
 * longer ends early and says how to continue.
 */
export const TOOL_ANSWER: AnswerShape = {
  pageMaxBytes: 90_000,
  metadataMaxBytes: METADATA_MAX_BYTES,
  contentMaxBytes: CONTENT_MAX_BYTES,
  hitMaxBytes: HIT_MAX_BYTES,
  record: (record) => truncateMetadata(record, METADATA_MAX_BYTES),
  message: (message, offset = 0) =>
    truncateMetadata(truncateContent(message, offset, CONTENT_MAX_BYTES), METADATA_MAX_BYTES),
  messageBytes: (shown) => jsonBytes(showMessage(shown)),
  async hit(message, terms) {
    return truncateMetadata(await excerpt(message, terms, HIT_MAX_BYTES), METADATA_MAX_BYTES);
  },
  neighbour(message) {
    const { uuid, seq, role, content } = truncateContent(message, 0, NEIGHBOUR_MAX_BYTES);
    return { uuid, seq, role, content };
  },
};
