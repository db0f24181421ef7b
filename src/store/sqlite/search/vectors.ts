import type { MessageVector, NewestVectors, SeqRange, VectorStore } from '../../search-port.ts';
import type { Connection, Row } from '../connection/index.ts';
import { END_OF_TIME } from '../rows.ts';
import { ACCESS_CONDITION, accessParameters } from '../sessions.ts';

const PUT = `INSERT INTO vectors (id, model, digest, vector)
  SELECT messages.id, ?, ?, ? FROM sessions JOIN messages ON messages.session = sessions.id
  WHERE sessions.namespace = ? AND sessions.session_id = ? AND sessions.uuid = ? AND messages.seq = ?
  ON CONFLICT (id) DO UPDATE SET model = excluded.model, digest = excluded.digest,
    vector = excluded.vector`;

const FOUND = `sessions.session_id, sessions.uuid, first_seq, last_seq, messages.seq, model, digest,
  vector`;

const OF_SESSION = `messages.session = sessions.id AND messages.seq BETWEEN first_seq AND last_seq`;

const IN_TIME = 'messages.created_at BETWEEN ? AND ?';

/** Of all live messages of a session or a user, which are found by their sessions. */
const NEWEST_OF = (condition: string) => `SELECT ${FOUND} FROM (
    SELECT messages.id FROM sessions JOIN messages ON ${OF_SESSION}
    JOIN vectors ON vectors.id = messages.id
    WHERE ${condition} AND sessions.deleted_at IS NULL AND ${IN_TIME} AND in_time()
    ORDER BY messages.id DESC LIMIT ?
  ) AS newest
  JOIN vectors ON vectors.id = newest.id
  JOIN messages ON messages.id = newest.id
  JOIN sessions ON sessions.id = messages.session
  ORDER BY newest.id DESC`;

/** How many vectors are looked at for those of a namespace. */
const LOOKED_AT = 20_000;

/** How long the newest vectors may be looked for, in milliseconds. */
const NEWEST_MS = 2000;

const NEWEST = {
  session: NEWEST_OF(ACCESS_CONDITION),
  user: NEWEST_OF('namespace = ? AND user_id = ?'),
  /** Most vectors are of live sessions, and of the one namespace that a file mostly has. */
  namespace: `SELECT ${FOUND}
    FROM (SELECT * FROM vectors ORDER BY id DESC LIMIT ${LOOKED_AT}) AS vectors
    CROSS JOIN messages ON messages.id = vectors.id
    CROSS JOIN sessions ON ${OF_SESSION}
    WHERE namespace = ? AND sessions.deleted_at IS NULL AND ${IN_TIME} AND in_time()
    ORDER BY vectors.id DESC LIMIT ?`,
};

/** The content is NULL, and so not read, where there is nothing to embed: it has its vector, or is not live. */
const BEHIND = `SELECT messages.id, namespace, session_id, sessions.uuid, messages.seq,
    iif(sessions.id IS NULL
      OR EXISTS (SELECT 1 FROM vectors WHERE vectors.id = messages.id AND model = ?), NULL, content)
  FROM messages LEFT JOIN sessions ON ${OF_SESSION} AND sessions.deleted_at IS NULL
  WHERE messages.id > ? ORDER BY messages.id LIMIT ?`;

/** The vectors table. */
export function sqliteVectors(connection: Connection): VectorStore {
  const statement = (sql: string) => connection.statement(sql);

  return {
    put(model, vectors) {
      return connection.write(() => {
        for (const { namespace, place, digest, vector } of vectors) {
          const { session_id, session_uuid, seq } = place;
          const named = [namespace, session_id, session_uuid, seq];
          statement(PUT).run(model, digest, Buffer.from(vector), ...named);
        }
      });
    },

    newest(namespace, { session_id, user_id }, { model, limit, since, until }) {
      const time = [
        since === undefined ? 0 : Date.parse(since),
        until === undefined ? END_OF_TIME : Date.parse(until),
      ];
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
          const { range, vector, of } = toVector(row);
          ranges.set(vector.place.session_uuid, range);
          return of === model ? [vector] : [];
        });
        const outdated = Math.min(rows.length, limit) - vectors.length;
        return { vectors, ranges, outdated, cut: rows.length > limit };
      };
      const late = () => ({ vectors: [], ranges: new Map(), outdated: 0, cut: true });
      return connection.read(() => connection.timeLimit.within(NEWEST_MS, newest, late));
    },

    unembedded(model, after, limit) {
      return connection.read(() => {
        const rows = statement(BEHIND).all(model, Number(after ?? 0), limit);
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

function toVector(row: Row): { range: SeqRange; vector: MessageVector; of: string } {
  const [session_id, session_uuid, first_seq, last_seq, seq, of, digest, vector] = row as [
    ...[session_id: string, session_uuid: string, first_seq: number, last_seq: number, seq: number],
    ...[model: string, digest: string, vector: Uint8Array],
  ];
  return {
    range: { first_seq, last_seq },
    vector: { place: { session_id, session_uuid, seq }, digest, vector },
    of,
  };
}
