import type { Extent, MessageVector, NewestVectors, VectorStore } from '../search-store.ts';
import type { Connection, Row } from './connection.ts';
import { END_OF_TIME } from './rows.ts';
import { REACHED, reached } from './sessions.ts';

const PUT = `INSERT INTO vectors (id, model, digest, vector)
  SELECT messages.id, ?, ?, ? FROM messages WHERE thread = ? AND seq = ?
  ON CONFLICT (id) DO UPDATE SET model = excluded.model, digest = excluded.digest,
    vector = excluded.vector`;

const FOUND = `sessions.session_id, sessions.thread, base_seq, last_seq, messages.seq, model, digest,
  vector`;

const IN_TIME = 'messages.created_at BETWEEN ? AND ?';

/** Of all messages of a session or a user, which are found by their sessions. */
const NEWEST_OF = (condition: string) => `SELECT ${FOUND} FROM (
    SELECT messages.id FROM sessions JOIN messages ON messages.thread = sessions.thread
    JOIN vectors ON vectors.id = messages.id
    WHERE ${condition} AND sessions.deleted_at IS NULL AND ${IN_TIME} AND in_time()
    ORDER BY messages.id DESC LIMIT ?
  ) AS newest
  JOIN vectors ON vectors.id = newest.id
  JOIN messages ON messages.id = newest.id
  JOIN sessions ON sessions.thread = messages.thread
  ORDER BY newest.id DESC`;

/** How many vectors are looked at for those of a namespace. */
const LOOKED_AT = 20_000;

/** How long the newest vectors may be looked for, in milliseconds. */
const NEWEST_MS = 2000;

const NEWEST = {
  session: NEWEST_OF(REACHED),
  user: NEWEST_OF('namespace = ? AND user_id = ?'),
  /** Most vectors are of live sessions, and of the one namespace that a file mostly has. */
  namespace: `SELECT ${FOUND}
    FROM (SELECT * FROM vectors ORDER BY id DESC LIMIT ${LOOKED_AT}) AS vectors
    CROSS JOIN messages ON messages.id = vectors.id
    CROSS JOIN sessions ON sessions.thread = messages.thread
    WHERE namespace = ? AND sessions.deleted_at IS NULL AND ${IN_TIME} AND in_time()
    ORDER BY vectors.id DESC LIMIT ?`,
};

/**
 * The content is NULL, and so not read, where there is nothing to embed: the message has its vector,
 * is deleted, or was left behind by a revival.
 */
const BEHIND = `SELECT messages.id, namespace, session_id, messages.thread, messages.seq,
    iif(sessions.id IS NULL
      OR EXISTS (SELECT 1 FROM vectors WHERE vectors.id = messages.id AND model = ?), NULL, content)
  FROM messages LEFT JOIN sessions ON sessions.thread = messages.thread
    AND sessions.deleted_at IS NULL
  WHERE messages.id > ? ORDER BY messages.id LIMIT ?`;

/** The vectors table. */
export function sqliteVectors(connection: Connection): VectorStore {
  const statement = (sql: string) => connection.statement(sql);

  return {
    put(model, vectors) {
      return connection.write(() => {
        for (const { place, digest, vector } of vectors) {
          statement(PUT).run(model, digest, Buffer.from(vector), Number(place.thread), place.seq);
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
                ...reached({ namespace, user_id }, session_id),
                ...time,
                limit + 1,
              )
            : user_id !== undefined
              ? statement(NEWEST.user).all(namespace, user_id, ...time, limit + 1)
              : statement(NEWEST.namespace).all(namespace, ...time, limit + 1);
        const threads = new Map<string, Extent>();
        const vectors = rows.slice(0, limit).flatMap((row): MessageVector[] => {
          const { extent, vector, of } = toVector(row);
          threads.set(vector.place.thread, extent);
          return of === model ? [vector] : [];
        });
        const outdated = Math.min(rows.length, limit) - vectors.length;
        return { vectors, threads, outdated, cut: rows.length > limit };
      };
      const late = () => ({ vectors: [], threads: new Map(), outdated: 0, cut: true });
      return connection.read(() => connection.within(NEWEST_MS, newest, late));
    },

    unembedded(model, after, limit) {
      return connection.read(() => {
        const rows = statement(BEHIND).all(model, Number(after ?? 0), limit);
        const messages = rows.flatMap((row) => {
          const [, namespace, session_id, thread, seq, content] = row as [
            ...[id: number, namespace: string, session_id: string, thread: number],
            ...[seq: number, content: string | null],
          ];
          if (content === null) return [];
          return [{ namespace, place: { session_id, thread: String(thread), seq }, content }];
        });
        const last = rows.at(-1);
        return { messages, ...(last !== undefined && { next: String(last[0]) }) };
      });
    },
  };
}

function toVector(row: Row): { extent: Extent; vector: MessageVector; of: string } {
  const [session_id, thread, base, last, seq, of, digest, vector] = row as [
    ...[session_id: string, thread: number, base: number, last: number, seq: number],
    ...[model: string, digest: string, vector: Uint8Array],
  ];
  return {
    extent: { first_seq: base + 1, last_seq: last },
    vector: { place: { session_id, thread: String(thread), seq }, digest, vector },
    of,
  };
}
