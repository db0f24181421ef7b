import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import type { Message, Session, User } from '../../domain/records.ts';
import { timestamp } from '../../domain/records.ts';
import { defineView, type Generation } from '../generation.ts';
import { integerId } from '../integer-id.ts';

/** Records as the clients of the first generation know them. */

const recordFields = {
  uuid: z.string(),
  id: z.int(),
  created_at: timestamp,
  updated_at: timestamp,
  deleted_at: z.null(),
  metadata: metadata('The metadata.').nullable(),
};

export const session = z.object({
  ...recordFields,
  session_id: z.string(),
  user_id: z.string().nullable(),
});

export const user = z.object({
  ...recordFields,
  user_id: z.string(),
  email: z.string().nullable(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
});

export const message = z.object({
  uuid: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
  role: z.string(),
  content: z.string(),
  metadata: metadata('The metadata.'),
  token_count: z.int(),
});

const toRecord = ({ uuid, created_at, updated_at, metadata: given }: Session | User) => ({
  ...{ uuid, id: integerId(uuid), created_at, updated_at, deleted_at: null },
  metadata: Object.keys(given).length === 0 ? null : given,
});

export const toSession = (record: Session): z.input<typeof session> => ({
  ...toRecord(record),
  session_id: record.session_id,
  user_id: record.user_id ?? null,
});

export const toUser = (record: User): z.input<typeof user> => ({
  ...toRecord(record),
  user_id: record.user_id,
  email: record.email ?? null,
  first_name: record.first_name ?? null,
  last_name: record.last_name ?? null,
});

export const toMessage = (record: Message): z.input<typeof message> => ({
  uuid: record.uuid,
  created_at: record.created_at,
  updated_at: record.updated_at,
  role: record.role,
  content: record.content,
  metadata: record.metadata,
  token_count: record.token_count,
});

export const V1: Generation = {
  prefix: '/api/v1',
  users: '/user',
  session: defineView(session, toSession),
  user: defineView(user, toUser),
  message: defineView(message, toMessage),
  done: defineView(z.literal('OK'), () => 'OK' as const),
};
