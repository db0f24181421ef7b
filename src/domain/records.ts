import { z } from 'zod';
import { identifier } from './identifiers.ts';
import { metadata } from './metadata.ts';

/** RFC 3339, UTC, milliseconds: two of them compare as text in the order of time. */
export const timestamp = z.string().meta({ format: 'date-time' });

export const sessionId = identifier(
  'The session, by an identifier of your choosing: any non-empty text up to 1,024 bytes, case-sensitive.',
);

export const userId = identifier(
  'The user, by an identifier of your choosing: any non-empty text up to 1,024 bytes, case-sensitive.',
);

/** One conversation. `message_count` counts live messages; while it is deleted, those a restore brings back. */
export const session = z.strictObject({
  session_id: z.string(),
  uuid: z.string().meta({ description: "The server's own identifier, a UUID version 7." }),
  user_id: z.string().optional(),
  metadata: metadata("The session's metadata."),
  created_at: timestamp,
  updated_at: timestamp,
  deleted_at: timestamp.optional(),
  message_count: z.int(),
  last_message_at: timestamp.optional(),
});
export type Session = z.infer<typeof session>;

/** A person or thing that sessions belong to. */
export const user = z.strictObject({
  user_id: z.string(),
  uuid: z.string(),
  email: z.string().optional(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
  metadata: metadata("The user's metadata."),
  created_at: timestamp,
  updated_at: timestamp,
  deleted_at: timestamp.optional(),
});
export type User = z.infer<typeof user>;
