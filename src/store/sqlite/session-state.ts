import type { AccessScope, Conversation } from '../port.ts';
import type { Connection } from './connection/index.ts';
import { time } from './rows.ts';
import { ACCESS_CONDITION, accessParameters, SESSION_COLUMNS, toSession } from './sessions.ts';

const SESSION = `SELECT id, first_seq, last_seq, user_deleted IS NOT NULL, revived_by,
    ${SESSION_COLUMNS}
  FROM sessions WHERE ${ACCESS_CONDITION}`;

const SUMMARY = `SELECT content, up_to_seq, created_at FROM summaries
  WHERE session = ? AND up_to_seq BETWEEN ? AND ? ORDER BY up_to_seq DESC, id DESC LIMIT 1`;

/** A session with what only the tables need of it. */
export interface SessionState {
  conversation: Conversation;
  id: number;
  userDeleted: boolean;
  revivedBy: string | null;
}

/** Finds a session in whatever state it is. Runs within a read or a write. */
export function findSessionState(
  connection: Connection,
  reach: AccessScope,
  sessionId: string,
): SessionState | undefined {
  const row = connection.statement(SESSION).get(...accessParameters(reach, sessionId));
  if (row === undefined) return undefined;
  const [id, first_seq, last_seq, userDeleted, revivedBy, ...session] = row as [
    ...[id: number, first_seq: number, last_seq: number, userDeleted: number],
    ...[revivedBy: string | null, ...unknown[]],
  ];
  const found = connection.statement(SUMMARY).get(id, first_seq, last_seq);
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
          created_at: time(found[2]),
        },
      }),
    },
  };
}
