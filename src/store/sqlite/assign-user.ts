import { DomainError } from '../../domain/errors.ts';
import type { Session } from '../../domain/records.ts';
import type { WriteResult } from '../common-port.ts';
import { findSessionState } from './access-scope.ts';
import type { Connection } from './connection/index.ts';
import { SESSION_COLUMNS, toSession } from './rows.ts';
import { indexTerms, removeTerms } from './search/indexer.ts';

/** The limits of one step. It blocks the server for about 10 ms, or more if one message has many terms. */
const STEP = { messages: 20, terms: 4000 };

const NEXT_MESSAGES = `SELECT id, seq, iif(deleted_at IS NULL, terms, '') FROM messages
  WHERE session = ? AND seq > ? ORDER BY seq LIMIT ${STEP.messages}`;

const ASSIGNING = 'SELECT assigning_user FROM sessions WHERE id = ?';

/** From then on, whatever is indexed of the session is indexed under the user. */
const BEGIN = 'UPDATE sessions SET assigning_user = ? WHERE id = ?';

const SET_USER = `UPDATE sessions SET user_id = ?, assigning_user = NULL, updated_at = max(updated_at, ?) WHERE id = ?
  RETURNING ${SESSION_COLUMNS}`;

/** @see SessionStore.assign */
export async function assignUser(
  connection: Connection,
  userIsLive: () => boolean,
  { namespace, session_id, user_id }: { namespace: string; session_id: string; user_id: string },
  at: string,
): Promise<WriteResult<Session> | 'user_missing'> {
  let lastSeq = 0;
  let number: number | undefined;

  /** Indexes some messages under the user. The last step gives the session to the user. */
  const step = (): WriteResult<Session> | 'user_missing' | undefined => {
    if (!userIsLive()) return 'user_missing';
    const state = findSessionState(connection, { namespace }, session_id);
    const found = state?.conversation.session;
    if (found === undefined || found.deleted_at !== undefined) return { applied: false, found };
    if (found.user_id !== undefined) {
      return found.user_id === user_id
        ? { applied: true, record: found }
        : { applied: false, found };
    }
    const session = state?.id as number;
    if (session !== number) {
      // The first step, or the session was purged and made anew.
      connection.statement(BEGIN).run(user_id, session);
      number = session;
      lastSeq = 0;
    } else if (connection.statement(ASSIGNING).get(session)?.[0] !== user_id) {
      throw new DomainError(
        'UNAVAILABLE',
        'The session is being given to another user at this moment. Look whose it is before you repeat the call.',
      );
    }
    const rows = connection.statement(NEXT_MESSAGES).all(session, lastSeq);
    let count = 0;
    let isWhole = rows.length < STEP.messages;
    for (const row of rows) {
      if (count > STEP.terms) {
        isWhole = false;
        break;
      }
      const [id, seq, terms] = row as [id: number, seq: number, terms: string];
      removeTerms(connection, id);
      const indexed = terms === '' ? [] : terms.split(' ');
      indexTerms(connection, id, { session, namespace, user_id }, indexed);
      count += indexed.length;
      lastSeq = seq;
    }
    if (!isWhole) return undefined;
    const owned = connection.statement(SET_USER).get(user_id, Date.parse(at), session);
    return { applied: true, record: toSession(owned as unknown[]) };
  };

  for (;;) {
    const result = await connection.write(step);
    if (result !== undefined) return result;
    await new Promise(setImmediate);
  }
}
