import type { SeqRange } from '../../../domain/positions.ts';
import type { SearchScope } from '../../search-port.ts';
import { ACCESS_CONDITION, accessParameters } from '../access-scope.ts';
import type { Connection } from '../connection/index.ts';
import { scopePrefix } from './indexer.ts';

/** The conditions of a session to be live and in a scope. */
export const IN_SCOPE = `sessions.deleted_at IS NULL AND sessions.namespace = ?1
  AND (?2 IS NULL OR sessions.user_id = ?2) AND (?3 IS NULL OR sessions.session_id = ?3)`;

/** A session, if it is live and in the scope. */
const SESSION = `SELECT session_id, uuid, first_seq, last_seq FROM sessions
  WHERE id = ?4 AND ${IN_SCOPE}`;

const SESSION_NUMBER = `SELECT id FROM sessions WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL`;

/** The session of a message that was found. */
export interface FoundSession {
  session_id: string;
  session_uuid: string;
  /** Its live messages. */
  range: SeqRange;
}

/** Finds a session of a scope by its number. */
export type SessionLookup = (number: number) => FoundSession | undefined;

/** The parameters of `IN_SCOPE`. */
export type ScopeParameters = [
  namespace: string,
  user_id: string | null,
  session_id: string | null,
];

export const scopeParameters = (
  namespace: string,
  { user_id, session_id }: SearchScope,
): ScopeParameters => [namespace, user_id ?? null, session_id ?? null];

/** Returns a function that finds a session of the scope by its number. Each is read once. */
export function createSessionLookup(connection: Connection, scope: ScopeParameters): SessionLookup {
  const known = new Map<number, FoundSession | undefined>();
  return (number) => {
    if (known.has(number)) return known.get(number);
    const row = connection.statement(SESSION).get(...scope, number);
    const [session_id, session_uuid, first_seq, last_seq] = (row ?? []) as [
      ...[session_id: string, session_uuid: string, first_seq: number, last_seq: number],
    ];
    const found = row && { session_id, session_uuid, range: { first_seq, last_seq } };
    known.set(number, found);
    return found;
  };
}

/** The prefix of a scope's terms in the index. `undefined` if the scope is empty. */
export function findPrefix(
  connection: Connection,
  namespace: string,
  { session_id, user_id }: SearchScope,
): string | undefined {
  if (session_id !== undefined) {
    const parameters = accessParameters({ namespace, user_id }, session_id);
    const row = connection.statement(SESSION_NUMBER).get(...parameters);
    return row === undefined ? undefined : scopePrefix.session(row[0] as number);
  }
  return user_id === undefined
    ? scopePrefix.namespace(namespace)
    : scopePrefix.user(namespace, user_id);
}
