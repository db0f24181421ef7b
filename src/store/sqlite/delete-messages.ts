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

/** Deletes and restores single messages. Their terms stay in the row, and leave the index. */
export function createMessageDeletion(
  connection: Connection,
  indexer: Indexer,
): Pick<MessageStore, 'delete' | 'restore'> {
  const statement = (sql: string) => connection.statement(sql);

  /**
   * Changes the messages of a live session that are not as they shall be.
   *
   * @param isPresent whether a message counts as one of the session
   * @param isDone whether a message is as it shall be
   * @param step by how much each of them changes the number of deleted ones
   */
  function change(
    scope: AccessScope,
    sessionId: string,
    uuids: readonly string[],
    isPresent: (row: Row) => boolean,
    isDone: (row: Row) => boolean,
    step: 1 | -1,
    apply: (row: Row) => void,
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
      const changed = [...rows.values()].filter((row) => !isDone(row));
      for (const row of changed) apply(row);
      statement(COUNT_DELETED).run(step * changed.length, state.id);
      const after = findSessionState(connection, scope, sessionId)?.conversation.session;
      return { session: after, missing: [], changed };
    });
  }

  return {
    delete(scope, sessionId, uuids, at) {
      const now = Date.parse(at);
      const isPresent = ({ deleted_at }: Row) => deleted_at === null || deleted_at > 0;
      const isDone = ({ deleted_at }: Row) => deleted_at !== null;
      return change(scope, sessionId, uuids, isPresent, isDone, 1, ({ id }) => {
        statement(SET_DELETED).run(now, id);
        statement(DELETE_VECTOR).run(id);
        indexer.remove(id);
      });
    },

    restore(scope, sessionId, uuids, cutoff) {
      const oldest = cutoff === undefined ? 0 : Date.parse(cutoff);
      const isPresent = ({ deleted_at }: Row) => deleted_at === null || deleted_at > oldest;
      const isDone = ({ deleted_at }: Row) => deleted_at === null;
      return change(scope, sessionId, uuids, isPresent, isDone, -1, ({ id }) => {
        statement(SET_DELETED).run(null, id);
        indexer.enqueue(id);
      }).then((result) => {
        indexer.schedule();
        return result;
      });
    },
  };
}
