const UNCHANGED_COLUMNS = `namespace, session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at,
  deleted_with_user, user_deleted, last_message_at`;

const NEW_COLUMNS = `${UNCHANGED_COLUMNS}, first_seq, last_seq`;

const OLD_COLUMNS = `${UNCHANGED_COLUMNS}, base_seq + 1, last_seq`;

const LAST_THREAD = `(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'threads')`;

/**
 * Replaces threads by retired ranges. Before this step, the messages of a session belonged to a thread,
 * and a revived session got a new thread. From now on, messages belong to one session for all of its life.
 *
 * A session takes the number of its thread, because its messages and their terms in the search index
 * already have that number. A number is never given twice, because the messages of a purged session are
 * removed later than the session.
 *
 * The session of a thread that was left by a revival is not known. Such a thread becomes a retired range
 * of a session that does not exist, and stays deleted until it is purged.
 *
 * `retired_ranges` lists the messages that are purged apart from sessions. 0 for `deleted_at` marks ranges
 * that nobody can restore: those of a purged session, and those that are purged in parts.
 */
export const RETIRED_RANGES = `
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
  INSERT INTO new_sessions (id, ${NEW_COLUMNS})
    SELECT thread, ${OLD_COLUMNS} FROM sessions WHERE thread IS NOT NULL;
  INSERT INTO new_sessions (id, ${NEW_COLUMNS})
    SELECT ${LAST_THREAD} + row_number() OVER (ORDER BY id), ${OLD_COLUMNS}
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
