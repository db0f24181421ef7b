import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { type Message, type Session, timestamp, type User } from '../../domain/records.ts';
import { canonicalRole } from '../../domain/roles.ts';
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

/** The types of roles that the clients know. */
export const ROLE_TYPES = ['norole', 'system', 'assistant', 'user', 'function', 'tool'] as const;

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

export const summary = z.object({
  uuid: z.string(),
  created_at: timestamp,
  content: z.string(),
  recent_message_uuid: z.string(),
  metadata: metadata('Always empty.'),
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

/**
 * A message has a type of role and the name of its speaker. The type is its role; the name is kept beside
 * the text, where the APIs of models have it, too. A role that is no such type, such as `Human`, is a name.
 */
export function toMessage(record: Message): z.input<typeof message> {
  const { role, parts, uuid, created_at, updated_at, content, token_count } = record;
  const roleType = ROLE_TYPES.find((type) => type === canonicalRole(role));
  const name = parts?.map(nameIn).find((found) => found !== undefined);
  return {
    ...{ uuid, created_at, updated_at, role_type: roleType ?? 'norole', content, token_count },
    ...{ role: name ?? (role === roleType ? undefined : role), metadata: record.metadata },
  };
}

/** The name of the speaker, if a part is that. */
function nameIn(part: unknown): string | undefined {
  if (typeof part !== 'object' || part === null || !('name' in part)) return undefined;
  const isName = Object.keys(part).length === 1 && typeof part.name === 'string';
  return isName ? (part.name as string) : undefined;
}
