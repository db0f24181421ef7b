/** The first step of the schema. Later steps have changed much of it. */
export const INITIAL_SCHEMA = `
  CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    user_id TEXT NOT NULL,
    uuid TEXT NOT NULL,
    email TEXT,
    first_name TEXT,
    last_name TEXT,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    live INTEGER GENERATED ALWAYS AS (deleted_at IS NULL) VIRTUAL,
    UNIQUE (namespace, user_id)
  ) STRICT;
  CREATE INDEX users_created ON users (namespace, live, created_at, uuid);
  CREATE INDEX users_updated ON users (namespace, live, updated_at, uuid);
  CREATE INDEX users_identifiers ON users (namespace, user_id) WHERE deleted_at IS NULL;
  CREATE INDEX users_expiry ON users (deleted_at) WHERE deleted_at IS NOT NULL;

  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
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
    thread INTEGER,
    base_seq INTEGER NOT NULL DEFAULT 0,
    last_seq INTEGER NOT NULL DEFAULT 0,
    live INTEGER GENERATED ALWAYS AS (deleted_at IS NULL) VIRTUAL,
    UNIQUE (namespace, session_id)
  ) STRICT;
  CREATE INDEX sessions_created ON sessions (namespace, live, created_at, uuid);
  CREATE INDEX sessions_updated ON sessions (namespace, live, updated_at, uuid);
  CREATE INDEX sessions_user_created ON sessions (namespace, user_id, live, created_at, uuid)
    WHERE user_id IS NOT NULL;
  CREATE INDEX sessions_user_updated ON sessions (namespace, user_id, live, updated_at, uuid)
    WHERE user_id IS NOT NULL;
  CREATE INDEX sessions_identifiers ON sessions (namespace, session_id) WHERE deleted_at IS NULL;
  CREATE INDEX sessions_expiry ON sessions (deleted_at) WHERE deleted_at IS NOT NULL;

  CREATE TABLE threads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    deleted_at INTEGER
  ) STRICT;
  CREATE INDEX threads_expiry ON threads (deleted_at) WHERE deleted_at IS NOT NULL;

  CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    uuid TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    metadata TEXT NOT NULL,
    token_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (thread, seq),
    UNIQUE (thread, uuid)
  ) STRICT;

  CREATE TABLE summaries (
    id INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    uuid TEXT NOT NULL UNIQUE,
    content TEXT NOT NULL,
    up_to_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX summaries_thread ON summaries (thread, up_to_seq, id);
`;
