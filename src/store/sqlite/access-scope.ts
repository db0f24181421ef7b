import type { AccessScope } from '../common-port.ts';
import type { Conversation } from '../message-port.ts';
import type { Connection } from './connection/index.ts';
import { SESSION_COLUMNS, toSession, toTimestamp } from './rows.ts';

/**
 * Limits a statement to a session that the caller may access. Its parameters come from
 * `accessParameters`. The user is compared last, so SQLite reads no more of a row of another user.
 */
export const ACCESS_CONDITION =
  'namespace = ?1 AND session_id = ?2 AND (?3 IS NULL OR user_id = ?3)';

/** The first parameters of a statement with `ACCESS_CONDITION`. */
export function accessParameters(
  { namespace, user_id }: AccessScope,
  sessionId: string,
): unknown[] {
  return [namespace, sessionId, user_id ?? null];
}

const SESSION = `SELECT id, first_seq, last_seq, user_deleted IS NOT NULL, revived_by,
    ${SESSION_COLUMNS}
  FROM sessions WHERE ${ACCESS_CONDITION}`;

const SUMMARY = `SELECT content, up_to_seq, created_at, EXISTS (SELECT 1 FROM messages
    WHERE messages.session = ?1 AND messages.deleted_at IS NOT NULL AND seq BETWEEN ?2 AND up_to_seq
      AND abs(messages.deleted_at) > summaries.created_at)
  FROM summaries WHERE session = ?1 AND up_to_seq BETWEEN ?2 AND ?3 ORDER BY up_to_seq DESC, id DESC LIMIT 1`;

/** A session with the columns that only this store uses. */
export interface SessionState {
  conversation: Conversation;
  /** The session's number in the file. */
  id: number;
  userDeleted: boolean;
  /** The uuid of the first message of the append that revived the session. */
  revivedBy: string | null;
}

/** Finds a session that the caller may access, live or deleted. Runs within a read or a write. */
export function findSessionState(
  connection: Connection,
  scope: AccessScope,
  sessionId: string,
): SessionState | undefined {
  const row = connection.statement(SESSION).get(...accessParameters(scope, sessionId));
  if (row === undefined) return undefined;
  const [id, first_seq, last_seq, userDeleted, revivedBy, ...session] = row as [
    ...[id: number, first_seq: number, last_seq: number, userDeleted: number],
    ...[revivedBy: string | null, ...unknown[]],
  ];
  const isEmpty = last_seq < first_seq;
  const found = isEmpty ? undefined : connection.statement(SUMMARY).get(id, first_seq, last_seq);
  return {
    id,
    userDeleted: userDeleted === 1,
    revivedBy,
    conversation: {
      session: toSession(session),
      first_seq,
      last_seq,
      ...(found !== undefined && {
        summary: {
          content: found[0] as string,
          up_to_seq: found[1] as number,
          ...(found[3] === 1 && { covers_deleted_messages: true }),
          created_at: toTimestamp(found[2]),
        },
      }),
    },
  };
}
