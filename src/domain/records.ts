import { z } from 'zod';
import { identifier, text } from './identifiers.ts';
import { jsonBytes, metadata } from './metadata.ts';

/** RFC 3339, UTC, milliseconds: two of them compare as text in the order of time. */
export const timestamp = z.string().meta({ format: 'date-time' });

export const sessionId = identifier(
  'The session, by an identifier of your choosing: any non-empty text up to 1,024 bytes, case-sensitive.',
);

export const userId = identifier(
  'The user, by an identifier of your choosing: any non-empty text up to 1,024 bytes, case-sensitive.',
);

const OMITTED =
  'The metadata is too large for this answer and is left out; the resource of this record has it.';

/** One conversation. `message_count` counts live messages; while it is deleted, those a restore brings back. */
export const session = z.strictObject({
  session_id: z.string(),
  uuid: z.string().meta({ description: "The server's own identifier, a UUID version 7." }),
  user_id: z.string().optional(),
  metadata: metadata("The session's metadata."),
  metadata_omitted_bytes: z.int().optional().meta({ description: OMITTED }),
  created_at: timestamp,
  updated_at: timestamp,
  deleted_at: timestamp.optional(),
  message_count: z.int(),
  last_message_at: timestamp.optional(),
});
export type Session = z.infer<typeof session>;

/** The longest text of one message, in bytes of UTF-8. */
export const CONTENT_MAX_BYTES = 1024 * 1024;

/** The longest summary, in bytes of JSON: it comes with every answer of get_memory. */
export const SUMMARY_MAX_BYTES = 16 * 1024;

/** How many messages one call may bring. */
export const MESSAGES_PER_CALL = 1000;

/** The longest role, in bytes of UTF-8. */
const ROLE_MAX_BYTES = 64;

/** A message's role: `user`, `assistant`, or whatever else its conversation knows. */
export const role = text('The role', 1, ROLE_MAX_BYTES).meta({
  description: 'Who speaks: user, assistant, system, tool, or any other name.',
});

export const content = text('The content', 0, CONTENT_MAX_BYTES);

export const summaryContent = text('The summary', 1, SUMMARY_MAX_BYTES).superRefine(
  (value, context) => {
    const bytes = jsonBytes(value) - 2;
    if (bytes <= SUMMARY_MAX_BYTES) return;
    const message = `takes ${bytes} bytes as JSON, and at most ${SUMMARY_MAX_BYTES} are allowed: shorten it`;
    context.addIssue({ code: 'custom', message });
  },
);

/** A message's identifier: the server's own, or one that the caller chose to make a retry safe. */
export const messageUuid = z
  .uuid('must be a UUID, such as one that add_memory answered with')
  // RFC 9562: read in either case, written in lower case.
  .toLowerCase();

/** One turn of a session. */
export const message = z.strictObject({
  uuid: z.string(),
  session_id: z.string(),
  seq: z.int().meta({ description: 'Its place in the order; grows by one per message.' }),
  role: z.string(),
  content: z.string(),
  content_offset: z
    .int()
    .optional()
    .meta({ description: 'The content is shown from this character on.' }),
  content_length: z.int().optional().meta({ description: 'Only part of the content is shown.' }),
  next_content_offset: z
    .int()
    .optional()
    .meta({ description: 'list_messages shows more from this content_offset on.' }),
  metadata: metadata("The message's metadata."),
  metadata_omitted_bytes: z.int().optional().meta({ description: OMITTED }),
  token_count: z.int().meta({ description: 'An estimate: a quarter of the bytes of the content.' }),
  created_at: timestamp,
  updated_at: timestamp,
});
export type Message = z.infer<typeof message>;

/** What a session's messages up to and including `up_to_seq` came to. */
export const summary = z.strictObject({
  content: z.string(),
  up_to_seq: z.int().meta({ description: 'The last message that it covers.' }),
  created_at: timestamp,
});
export type Summary = z.infer<typeof summary>;

/** A person or thing that sessions belong to. */
export const user = z.strictObject({
  user_id: z.string(),
  uuid: z.string(),
  email: z.string().optional(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
  metadata: metadata("The user's metadata."),
  metadata_omitted_bytes: z.int().optional().meta({ description: OMITTED }),
  created_at: timestamp,
  updated_at: timestamp,
  deleted_at: timestamp.optional(),
});
export type User = z.infer<typeof user>;
