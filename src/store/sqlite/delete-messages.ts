import type { AccessScope } from '../common-port.ts';
import type { ChangedMessages, MessageStore } from '../message-port.ts';
import { findSessionState } from './access-scope.ts';
import { DELETE_VECTOR } from './append.ts';
import type { Connection } from './connection/index.ts';
import type { Indexer } from './search/indexer.ts';

const BY_UUID = `SELECT id, seq, content, deleted_at FROM messages
  WHERE session = ? AND uuid = ? AND seq BETWEEN ? AND ?`;

const SET_DELETED = 'UPDATE messages SET deleted_at = ? WHERE id = ?';

const COUNT_DELETED = 'UPDATE sessions SET deleted_count = deleted_count + ? WHERE id = ?';

/** A message as a deletion needs it. `deleted_at` is negative if it is purged. */
interface Row {
  id: number;
  uuid: string;
  seq: number;
  content: string;
  deleted_at: number | null;
}

/** A deletion or its undo. */
interface Change {
  /** The time of the deletion, in milliseconds since 1970; `null` restores. */
  deleted_at: number | null;
  /** Whether a message counts as one of the session. */
  isPresent(row: Row): boolean;
  /** Runs for each message that changes. */
  follow(id: number): void;
}

/** Deletes and restores single messages. Their terms stay in the row, and leave the index. */
export function createMessageDeletion(
  connection: Connection,
  indexer: Indexer,
): Pick<MessageStore, 'delete' | 'restore'> {
  const statement = (sql: string) => connection.statement(sql);

  /** Changes the messages of a live session that are not as they shall be. */
  function change(
    scope: AccessScope,
    sessionId: string,
    uuids: readonly string[],
    { deleted_at, isPresent, follow }: Change,
  ): Promise<ChangedMessages> {
    return connection.write(() => {
      const state = findSessionState(connection, scope, sessionId);
      const { session, first_seq, last_seq } = state?.conversation ?? {};
      if (state === undefined || session?.deleted_at !== undefined) {
        return { session, missing: [], changed: [] };
      }
      const rows = new Map<string, Row>();
      for (const uuid of new Set(uuids)) {
        const found = statement(BY_UUID).get(state.id, uuid, first_seq, last_seq);
        if (found === undefined) continue;
        const [id, seq, content, deleted_at] = found as [number, number, string, number | null];
        const row = { id, uuid, seq, content, deleted_at };
        if (isPresent(row)) rows.set(uuid, row);
      }
      const missing = uuids.filter((uuid) => !rows.has(uuid));
      if (missing.length > 0) return { session, missing, changed: [] };
      const isDone = (row: Row) => (row.deleted_at === null) === (deleted_at === null);
      const changed = [...rows.values()].filter((row) => !isDone(row));
      if (changed.length === 0) return { session, missing: [], changed: [] };
      for (const { id } of changed) {
        statement(SET_DELETED).run(deleted_at, id);
        follow(id);
      }
      const more = deleted_at === null ? -changed.length : changed.length;
      statement(COUNT_DELETED).run(more, state.id);
      const after = findSessionState(connection, scope, sessionId)?.conversation.session;
      return { session: after, missing: [], changed };
    });
  }

  return {
    delete: (scope, sessionId, uuids, at) =>
      change(scope, sessionId, uuids, {
        deleted_at: Date.parse(at),
        isPresent: (row) => row.deleted_at === null || row.deleted_at > 0,
        follow(id) {
          statement(DELETE_VECTOR).run(id);
          indexer.remove(id);
        },
      }),

    restore(scope, sessionId, uuids, cutoff) {
      const oldest = cutoff === undefined ? 0 : Date.parse(cutoff);
      return change(scope, sessionId, uuids, {
        deleted_at: null,
        isPresent: (row) => row.deleted_at === null || row.deleted_at > oldest,
        follow: (id) => indexer.enqueue(id),
      }).then((result) => {
        indexer.schedule();
        return result;
      });
    },
  };
}
