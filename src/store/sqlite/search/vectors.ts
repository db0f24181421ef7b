import type { SeqRange } from '../../../domain/positions.ts';
import type { MessageVector, NewestVectors, VectorStore } from '../../search-port.ts';
import { ACCESS_CONDITION, accessParameters } from '../access-scope.ts';
import type { Connection, Row } from '../connection/index.ts';
import { timeBounds } from '../rows.ts';

const PUT = `INSERT INTO vectors (id, model, digest, vector)
  SELECT messages.id, ?, ?, ? FROM sessions JOIN messages ON messages.session = sessions.id
  WHERE sessions.namespace = ? AND sessions.session_id = ? AND sessions.uuid = ? AND messages.seq = ?
    AND messages.deleted_at IS NULL
  ON CONFLICT (id) DO UPDATE SET model = excluded.model, digest = excluded.digest,
    vector = excluded.vector`;

const COLUMNS = `sessions.session_id, sessions.uuid, first_seq, last_seq, messages.seq, model, digest,
  vector`;

const IN_LIVE_RANGE = `messages.session = sessions.id AND messages.seq BETWEEN first_seq AND last_seq`;

const IN_TIME_RANGE = 'messages.created_at BETWEEN ? AND ?';

/** The newest live messages of a session or a user, found through their sessions. */
const selectNewest = (condition: string) => `SELECT ${COLUMNS} FROM (
    SELECT messages.id FROM sessions JOIN messages ON ${IN_LIVE_RANGE}
    JOIN vectors ON vectors.id = messages.id
    WHERE ${condition} AND sessions.deleted_at IS NULL AND ${IN_TIME_RANGE} AND in_time()
    ORDER BY messages.id DESC LIMIT ?
  ) AS newest
  JOIN vectors ON vectors.id = newest.id
  JOIN messages ON messages.id = newest.id
  JOIN sessions ON sessions.id = messages.session
  ORDER BY newest.id DESC`;

/** How many vectors are scanned to find those of a namespace. */
const MAX_SCANNED = 20_000;

/** How long `newest` may take, in milliseconds. */
const TIMEOUT_MS = 2000;

const NEWEST = {
  session: selectNewest(ACCESS_CONDITION),
  user: selectNewest('namespace = ? AND user_id = ?'),
  /** A scan suffices: most vectors belong to live sessions, and most files have one namespace. */
  namespace: `SELECT ${COLUMNS}
    FROM (SELECT * FROM vectors ORDER BY id DESC LIMIT ${MAX_SCANNED}) AS vectors
    CROSS JOIN messages ON messages.id = vectors.id
    CROSS JOIN sessions ON ${IN_LIVE_RANGE}
    WHERE namespace = ? AND sessions.deleted_at IS NULL AND ${IN_TIME_RANGE} AND in_time()
    ORDER BY vectors.id DESC LIMIT ?`,
};

/**
 * The content is NULL, and so not read, if there is nothing to embed: the message has a vector or is not
 * live.
 */
const UNEMBEDDED = `SELECT messages.id, namespace, session_id, sessions.uuid, messages.seq,
    iif(sessions.id IS NULL OR messages.deleted_at IS NOT NULL
      OR EXISTS (SELECT 1 FROM vectors WHERE vectors.id = messages.id AND model = ?), NULL, content)
  FROM messages LEFT JOIN sessions ON ${IN_LIVE_RANGE} AND sessions.deleted_at IS NULL
  WHERE messages.id > ? ORDER BY messages.id LIMIT ?`;

/** The vectors table. */
export function sqliteVectors(connection: Connection): VectorStore {
  const statement = (sql: string) => connection.statement(sql);

  return {
    put(model, vectors) {
      return connection.write(() => {
        for (const { namespace, place, digest, vector } of vectors) {
          const { session_id, session_uuid, seq } = place;
          const key = [namespace, session_id, session_uuid, seq];
          statement(PUT).run(model, digest, Buffer.from(vector), ...key);
        }
      });
    },

    newest(namespace, { session_id, user_id }, { model, limit, ...range }) {
      const time = timeBounds(range);
      const newest = (): NewestVectors => {
        const rows =
          session_id !== undefined
            ? statement(NEWEST.session).all(
                ...accessParameters({ namespace, user_id }, session_id),
                ...time,
                limit + 1,
              )
            : user_id !== undefined
              ? statement(NEWEST.user).all(namespace, user_id, ...time, limit + 1)
              : statement(NEWEST.namespace).all(namespace, ...time, limit + 1);
        const ranges = new Map<string, SeqRange>();
        const vectors = rows.slice(0, limit).flatMap((row): MessageVector[] => {
          const { range, vector, vectorModel } = toVector(row);
          ranges.set(vector.place.session_uuid, range);
          return vectorModel === model ? [vector] : [];
        });
        const outdated = Math.min(rows.length, limit) - vectors.length;
        return { vectors, ranges, outdated, cut: rows.length > limit };
      };
      const onTimeout = () => ({ vectors: [], ranges: new Map(), outdated: 0, cut: true });
      return connection.read(() => connection.timeLimit.within(TIMEOUT_MS, newest, onTimeout));
    },

    unembedded(model, after, limit) {
      return connection.read(() => {
        const rows = statement(UNEMBEDDED).all(model, Number(after ?? 0), limit);
        const messages = rows.flatMap((row) => {
          const [, namespace, session_id, session_uuid, seq, content] = row as [
            ...[id: number, namespace: string, session_id: string, session_uuid: string],
            ...[seq: number, content: string | null],
          ];
          if (content === null) return [];
          return [{ namespace, place: { session_id, session_uuid, seq }, content }];
        });
        const last = rows.at(-1);
        return { messages, ...(last !== undefined && { next: String(last[0]) }) };
      });
    },
  };
}

function toVector(row: Row): { range: SeqRange; vector: MessageVector; vectorModel: string } {
  const [session_id, session_uuid, first_seq, last_seq, seq, vectorModel, digest, vector] = row as [
    ...[session_id: string, session_uuid: string, first_seq: number, last_seq: number, seq: number],
    ...[model: string, digest: string, vector: Uint8Array],
  ];
  return {
    range: { first_seq, last_seq },
    vector: { place: { session_id, session_uuid, seq }, digest, vector },
    vectorModel,
  };
}
