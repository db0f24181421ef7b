import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import {
  content,
  messageUuid,
  role,
  sessionId,
  summaryContent,
  time,
  userId,
} from '../../domain/records.ts';
import { ROLE_TYPES, speakerName, storedSpeaker } from '../../domain/speakers.ts';
import { timestamp } from '../../domain/times.ts';
import { userFields } from '../../domain/user-fields.ts';
import { type AddedMessage, MAX_AHEAD_MS } from '../../services/append.ts';
import type { NewSession } from '../../services/create-session.ts';
import type { NewUser } from '../../services/users.ts';
import type { Api } from './old-server.ts';
import type { RawRecord } from './paging.ts';

/** A field of a record that this store does not take, and why. */
export interface FieldProblem {
  field: string;
  problem: string;
}

/** A record to import, and the fields that it has to do without. */
export interface Converted<T> {
  record: T;
  problems: FieldProblem[];
}

/** What a server sends for a time that it does not have. */
const NO_TIME = /^0001-01-01T00:00:00/;

const anyMetadata = metadata('Any JSON object.');

const roleType = z.enum(ROLE_TYPES, `must be one of ${ROLE_TYPES.join(', ')}`);

/** A reader of the fields of a record. It collects the problems of those that are wrong. */
function fieldsOf(record: RawRecord) {
  const problems: FieldProblem[] = [];
  /** A field; `undefined` if the record does not have it, or it is wrong. */
  function read<T>(field: string, schema: z.ZodType<T>): T | undefined {
    const value = record[field];
    if (value === undefined || value === null || value === '') return undefined;
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    problems.push({ field, problem: parsed.error.issues[0]?.message ?? 'is wrong' });
    return undefined;
  }
  /** @param now milliseconds since 1970 */
  function readTime(field: string, now: number): string | undefined {
    if (NO_TIME.test(String(record[field]))) return undefined;
    const value = read(field, time());
    if (value === undefined || value <= timestamp(now + MAX_AHEAD_MS)) return value;
    problems.push({ field, problem: `${value} is in the future` });
    return undefined;
  }
  return { problems, read, readTime };
}

/** @returns what is wrong with the identifier of a record, or the identifier */
function identifierOf(
  record: RawRecord,
  field: 'session_id' | 'user_id',
): { id: string } | FieldProblem {
  const parsed = (field === 'session_id' ? sessionId : userId).safeParse(record[field]);
  return parsed.success
    ? { id: parsed.data }
    : { field, problem: parsed.error.issues[0]?.message ?? 'is wrong' };
}

/**
 * Converts a user. Without an identifier that this store takes, there is none; any other field that it does
 * not take is left out, since the sessions of the user depend on it.
 */
export function toUser(record: RawRecord, now: number): Converted<NewUser> | FieldProblem {
  const identifier = identifierOf(record, 'user_id');
  if (!('id' in identifier)) return identifier;
  const { problems, read, readTime } = fieldsOf(record);
  return {
    record: {
      user_id: identifier.id,
      email: read('email', userFields.email),
      first_name: read('first_name', userFields.first_name),
      last_name: read('last_name', userFields.last_name),
      metadata: read('metadata', anyMetadata),
      created_at: readTime('created_at', now),
    },
    problems,
  };
}

/** Converts a session in the same way: its messages depend on it. A user that cannot be kept rules it out. */
export function toSession(record: RawRecord, now: number): Converted<NewSession> | FieldProblem {
  const identifier = identifierOf(record, 'session_id');
  if (!('id' in identifier)) return identifier;
  const hasUser = record.user_id !== undefined && record.user_id !== null && record.user_id !== '';
  const user = hasUser ? identifierOf(record, 'user_id') : undefined;
  if (user !== undefined && !('id' in user)) return user;
  const { problems, read, readTime } = fieldsOf(record);
  return {
    record: {
      session_id: identifier.id,
      user_id: user?.id,
      metadata: read('metadata', anyMetadata),
      created_at: readTime('created_at', now),
    },
    problems,
  };
}

/** A message that has the uuid of the old server. */
export type ImportedMessage = AddedMessage & { uuid: string };

/** Converts a message. If a field is wrong, there is no message. */
export function toMessage(
  record: RawRecord,
  api: Api,
  now: number,
): ImportedMessage | FieldProblem {
  const { problems, read, readTime } = fieldsOf(record);
  const uuid = read('uuid', messageUuid);
  if (uuid === undefined) problems.push({ field: 'uuid', problem: 'is missing' });
  const speaker =
    api === 'v1'
      ? { role: read('role', role) }
      : storedSpeaker({
          role: read('role', speakerName),
          role_type: read('role_type', roleType),
        });
  const message = {
    content: read('content', content) ?? '',
    metadata: read('metadata', anyMetadata),
    created_at: readTime('created_at', now),
  };
  if (speaker.role === undefined) problems.push({ field: 'role', problem: 'is missing' });
  return problems[0] ?? { ...message, ...(speaker as { role: string }), uuid: uuid as string };
}

/** A summary, with the uuid of the last message that it covers. */
export interface ImportedSummary {
  content: string;
  created_at: string | undefined;
  recent: string;
}

/** Converts a summary; `undefined` if it has no text. */
export function toSummary(
  record: RawRecord,
  now: number,
): ImportedSummary | FieldProblem | undefined {
  const { problems, read, readTime } = fieldsOf(record);
  const text = read('content', summaryContent);
  const summary = {
    content: text ?? '',
    created_at: readTime('created_at', now),
    recent: read('recent_message_uuid', messageUuid) ?? '',
  };
  if (problems[0] !== undefined) return problems[0];
  return text === undefined ? undefined : summary;
}
