import { SERVERS_TABLE } from '../retention.ts';
import { indexEarlierMessages } from '../search/terms.ts';
import type { Connection } from './index.ts';
import { WITHOUT_THREADS } from './without-threads.ts';

/**
 * Marks a database file as one of this product, in its header: "mcps". Files of before have 0.
 * https://sqlite.org/pragma.html#pragma_application_id
 */
export const APPLICATION_ID = 0x6d637073;

/**
 * The steps that lead from an empty file to today's schema; `PRAGMA user_version` counts those a
 * file has been through. A published step is never changed, only followed by another.
 *
 * Times are milliseconds since 1970. `live` repeats as a column what an index can start with: 1, or 0
 * for a deleted record; of a session whose user is deleted, NULL.
 *
 * `user_deleted` is the uuid of the session's user while that is deleted, and `deleted_with_user` the
 * same if the session was live until then: by its uuid, since after its purge another user may come
 * under the same identifier.
 *
 * A message is live while its session is, if its `seq` lies between `first_seq` and `last_seq`. Deleting
 * a session does not touch its messages: nothing reaches them but through the session. When a deleted
 * session is revived, its messages become a retired range, which can be put back until it is purged.
 * Before the last step, each such range had a number of its own, called a thread.
 */
export const SCHEMA_STEPS: readonly (string | ((connection: Connection) => void))[] = [
  `
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
  `,
  // `terms` is what a message is found by, for the ranker to count; `message_terms` leads from a term
  // to the messages. Terms stand in it as they are, behind the scope that they are looked for in.
  `
  ALTER TABLE messages ADD COLUMN terms TEXT NOT NULL DEFAULT '';
  CREATE INDEX messages_created ON messages (created_at);
  CREATE INDEX sessions_thread ON sessions (thread) WHERE thread IS NOT NULL;
  CREATE VIRTUAL TABLE message_terms USING fts5(
    scoped, content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars ':?'"
  );
  `,
  indexEarlierMessages,
  // By the message, newest last.
  `
  CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    digest TEXT NOT NULL,
    vector BLOB NOT NULL
  ) STRICT;
  `,
  // `live` becomes NULL while the user is deleted: a list of the deleted is without those sessions, and
  // need not go over them.
  `
  DROP INDEX sessions_created;
  DROP INDEX sessions_updated;
  DROP INDEX sessions_user_created;
  DROP INDEX sessions_user_updated;
  ALTER TABLE sessions DROP COLUMN live;
  ALTER TABLE sessions ADD COLUMN live INTEGER GENERATED ALWAYS AS
    (iif(deleted_at IS NULL, 1, iif(user_deleted IS NULL, 0, NULL))) VIRTUAL;
  CREATE INDEX sessions_created ON sessions (namespace, live, created_at, uuid);
  CREATE INDEX sessions_updated ON sessions (namespace, live, updated_at, uuid);
  CREATE INDEX sessions_user_created ON sessions (namespace, user_id, live, created_at, uuid)
    WHERE user_id IS NOT NULL;
  CREATE INDEX sessions_user_updated ON sessions (namespace, user_id, live, updated_at, uuid)
    WHERE user_id IS NOT NULL;
  `,
  // Messages that are not in `message_terms` yet.
  'CREATE TABLE unindexed (id INTEGER PRIMARY KEY) STRICT',
  `PRAGMA application_id = ${APPLICATION_ID}`,
  WITHOUT_THREADS,
  SERVERS_TABLE,
];
