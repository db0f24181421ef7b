import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { type Message, type Session, timestamp, type User } from '../../domain/records.ts';
import { ROLE_TYPES, shownSpeaker } from '../../domain/speakers.ts';
import { defineView, type Generation } from '../generation.ts';
import { integerId } from '../integer-id.ts';

/** Records as the clients of the second generation know them. */

const recordFields = {
  uuid: z.string(),
  id: z.int(),
  created_at: timestamp,
  updated_at: timestamp,
  metadata: metadata('The metadata.'),
};

export const session = z.object({
  ...recordFields,
  session_id: z.string(),
  user_id: z.string().optional(),
});

export const user = z.object({
  ...recordFields,
  user_id: z.string(),
  email: z.string().optional(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
});

export const message = z.object({
  uuid: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
  role: z.string().optional().meta({ description: 'The name of the speaker.' }),
  role_type: z.enum(ROLE_TYPES),
  content: z.string(),
  metadata: metadata('The metadata.'),
  token_count: z.int(),
});

const toRecord = ({ uuid, created_at, updated_at, metadata: given }: Session | User) => ({
  ...{ uuid, id: integerId(uuid), created_at, updated_at, metadata: given },
});

export const toSession = (record: Session): z.input<typeof session> => ({
  ...toRecord(record),
  session_id: record.session_id,
  user_id: record.user_id,
});

export const toUser = (record: User): z.input<typeof user> => ({
  ...toRecord(record),
  user_id: record.user_id,
  email: record.email,
  first_name: record.first_name,
  last_name: record.last_name,
});

export function toMessage(record: Message): z.input<typeof message> {
  const { uuid, created_at, updated_at, content, token_count } = record;
  return {
    ...{ uuid, created_at, updated_at, content, token_count, ...shownSpeaker(record) },
    metadata: record.metadata,
  };
}

export const V2: Generation = {
  prefix: '/api/v2',
  users: '/users',
  session: defineView(session, toSession),
  user: defineView(user, toUser),
  message: defineView(message, toMessage),
  done: defineView(z.object({ message: z.literal('OK') }), () => ({ message: 'OK' as const })),
};
