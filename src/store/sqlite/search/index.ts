import type { MessagePosition } from '../../../domain/positions.ts';
import type { ResolvedMessage, SearchStore } from '../../search-port.ts';
import type { Connection } from '../connection/index.ts';
import { listed, MESSAGE_COLUMNS, SESSION_COLUMNS, toMessage, toSession } from '../rows.ts';
import { findByTerms } from './term-query.ts';

const SESSION = listed(SESSION_COLUMNS).replace('?', '?5');

const MESSAGE = MESSAGE_COLUMNS.replace(
  'content',
  'iif(?6 IS NULL, content, substr(content, 1, ?6))',
);

/** The columns of a message, its content cut to `?6` characters, followed by those of its session. */
const BY_POSITION = `SELECT * FROM
  (SELECT ${MESSAGE} FROM messages WHERE seq = ?4 AND deleted_at IS NULL AND session = (SELECT id FROM sessions
    WHERE namespace = ?1 AND session_id = ?2 AND uuid = ?3 AND deleted_at IS NULL
      AND ?4 BETWEEN first_seq AND last_seq)),
  (SELECT ${SESSION} FROM sessions WHERE namespace = ?1 AND session_id = ?2)`;

const MESSAGE_WIDTH = MESSAGE_COLUMNS.split(',').length;

/** Finds messages by their terms, and by their positions. */
export function sqliteSearch(connection: Connection): SearchStore {
  return {
    candidates(namespace, scope, query) {
      return connection.readSnapshot(() => findByTerms(connection, namespace, scope, query));
    },

    findByPosition(namespace, positions, { metadataMaxBytes, contentMaxLength = null, enough }) {
      return connection.readSnapshot(() => {
        const messages: ResolvedMessage[] = [];
        let covered = 0;
        for (let bytes = 0; covered < positions.length && bytes < enough.total; covered++) {
          const place = positions[covered] as MessagePosition;
          const { session_id, session_uuid, seq } = place;
          const key = [namespace, session_id, session_uuid, seq];
          const row = connection
            .statement(BY_POSITION)
            .get(...key, metadataMaxBytes, contentMaxLength);
          if (row === undefined) continue;
          const session = toSession(row.slice(MESSAGE_WIDTH));
          const message = toMessage(session_id, row);
          bytes += Math.min(4 * message.token_count, enough.each);
          messages.push({ place, session, message });
        }
        return { messages, covered };
      });
    },
  };
}
