import type { ResolvedMessage, SearchStore } from '../../search-port.ts';
import type { Connection } from '../connection/index.ts';
import { listed, MESSAGE_COLUMNS, SESSION_COLUMNS, toMessage, toSession } from '../rows.ts';
import { findByTerms } from './term-query.ts';

/** The columns of a message, followed by those of its session. */
const BY_POSITION = `SELECT * FROM
  (SELECT ${MESSAGE_COLUMNS} FROM messages WHERE seq = ?4 AND session = (SELECT id FROM sessions
    WHERE namespace = ?1 AND session_id = ?2 AND uuid = ?3 AND deleted_at IS NULL
      AND ?4 BETWEEN first_seq AND last_seq)),
  (SELECT ${listed(SESSION_COLUMNS)} FROM sessions WHERE namespace = ?1 AND session_id = ?2)`;

const MESSAGE_WIDTH = MESSAGE_COLUMNS.split(',').length;

/** Finds messages by their terms, and by their positions. */
export function sqliteSearch(connection: Connection): SearchStore {
  return {
    candidates(namespace, scope, query) {
      // On one snapshot: otherwise a message could move into the index between two statements.
      const find = () => findByTerms(connection, namespace, scope, query);
      return connection.read(() => connection.inOneSnapshot(find));
    },

    findByPosition(namespace, places, metadataMaxBytes) {
      return connection.read(() =>
        places.flatMap((place): ResolvedMessage[] => {
          const { session_id, session_uuid, seq } = place;
          const key = [namespace, session_id, session_uuid, seq];
          const row = connection.statement(BY_POSITION).get(...key, metadataMaxBytes);
          if (row === undefined) return [];
          const session = toSession(row.slice(MESSAGE_WIDTH));
          return [{ place, session, message: toMessage(session_id, row) }];
        }),
      );
    },
  };
}
