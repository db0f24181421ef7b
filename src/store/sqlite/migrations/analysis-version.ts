/**
 * Which analysis made the terms of a message: `ANALYSIS_VERSION` of the server that stored it. The index
 * finds those of an older one.
 */
export const MESSAGE_ANALYSIS = `
  ALTER TABLE messages ADD COLUMN analysis INTEGER NOT NULL DEFAULT 1;
  CREATE INDEX messages_analysis ON messages (analysis);
`;
