const KEPT = `namespace, session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at,
  deleted_with_user, user_deleted, last_message_at`;

const SAME = `${KEPT}, first_seq, last_seq`;

const BEFORE = `${KEPT}, base_seq + 1, last_seq`;

const LAST_THREAD = `(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'threads')`;

/**
 * A step of the schema. Messages belong to a session for all of its life: a session takes the number of
 * its thread, by which its messages and the terms in their index are found already. A number is never
 * given twice, since messages of a session that is purged are removed later than it.
 *
 * Threads that were left by a revival cannot be told to which session they belonged. They stay deleted
 * until they are purged, each as a retired range of a session that is not there.
 *
 * `retired_ranges` has what a purge takes beside sessions, each in its time. 0 for `deleted_at` marks
 * those that nobody can put back: what a purged session leaves, and a range that is purged in parts.
 */
export const WITHOUT_THREADS = `
  CREATE TABLE retired_ranges (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX retired_ranges_session ON retired_ranges (session, first_seq);
  CREATE INDEX retired_ranges_expiry ON retired_ranges (deleted_at, session, first_seq);
  INSERT INTO retired_ranges (session, first_seq, last_seq, deleted_at)
    SELECT id, 1, ${Number.MAX_SAFE_INTEGER}, deleted_at FROM threads WHERE deleted_at IS NOT NULL;

  CREATE TABLE new_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    session_id TEXT NOT NULL,
    uuid TEXT NOT NULL,
    user_id TEXT,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    deleted_with_user TEXT,
    user_deleted TEXT,
    last_message_at INTEGER,
    first_seq INTEGER NOT NULL DEFAULT 1,
    last_seq INTEGER NOT NULL DEFAULT 0,
    revived_by TEXT,
    live INTEGER GENERATED ALWAYS AS
      (iif(deleted_at IS NULL, 1, iif(user_deleted IS NULL, 0, NULL))) VIRTUAL,
    UNIQUE (namespace, session_id)
  ) STRICT;
  INSERT INTO new_sessions (id, ${SAME})
    SELECT thread, ${BEFORE} FROM sessions WHERE thread IS NOT NULL;
  INSERT INTO new_sessions (id, ${SAME})
    SELECT ${LAST_THREAD} + row_number() OVER (ORDER BY id), ${BEFORE}
    FROM sessions WHERE thread IS NULL;
  DELETE FROM sqlite_sequence WHERE name = 'new_sessions';
  INSERT INTO sqlite_sequence (name, seq) SELECT 'new_sessions',
    max(${LAST_THREAD}, (SELECT coalesce(max(id), 0) FROM new_sessions));
  DROP TABLE sessions;
  DROP TABLE threads;
  ALTER TABLE new_sessions RENAME TO sessions;
  CREATE INDEX sessions_created ON sessions (namespace, live, created_at, uuid);
  CREATE INDEX sessions_updated ON sessions (namespace, live, updated_at, uuid);
  CREATE INDEX sessions_user_created ON sessions (namespace, user_id, live, created_at, uuid)
    WHERE user_id IS NOT NULL;
  CREATE INDEX sessions_user_updated ON sessions (namespace, user_id, live, updated_at, uuid)
    WHERE user_id IS NOT NULL;
  CREATE INDEX sessions_identifiers ON sessions (namespace, session_id) WHERE deleted_at IS NULL;
  CREATE INDEX sessions_expiry ON sessions (deleted_at) WHERE deleted_at IS NOT NULL;

  ALTER TABLE messages RENAME COLUMN thread TO session;
  ALTER TABLE summaries RENAME COLUMN thread TO session;
  DROP INDEX summaries_thread;
  CREATE INDEX summaries_session ON summaries (session, up_to_seq, id);
`;
