import { APPLICATION_ID } from '../connection/file-identity.ts';
import type { Migration } from '../connection/index.ts';
import { MESSAGE_ANALYSIS } from './analysis-version.ts';
import { INITIAL_SCHEMA } from './initial-schema.ts';
import { LIVE_COLUMN } from './live-column.ts';
import { MESSAGE_TERMS } from './message-terms.ts';
import { RETIRED_RANGES } from './retired-ranges.ts';

/** One vector per message, with the number of the message. */
const VECTORS = `
  CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    digest TEXT NOT NULL,
    vector BLOB NOT NULL
  ) STRICT;
`;

/** Messages that are not in `message_terms` yet. */
const UNINDEXED = 'CREATE TABLE unindexed (id INTEGER PRIMARY KEY) STRICT';

const APPLICATION_MARK = `PRAGMA application_id = ${APPLICATION_ID}`;

/** The servers that use the file, and how long each wants deleted records kept. NULL: for ever. */
const SERVERS = `
  CREATE TABLE servers (
    id TEXT PRIMARY KEY,
    purge_after_ms INTEGER,
    expires_at INTEGER NOT NULL
  ) STRICT;
`;

/**
 * `parts` and `parts_whole` are the JSON of what a message has beside its text: what lists show, and all
 * of it where that is more. `deleted_at` is the time at which a message was deleted individually; negative
 * once it is purged. The row stays, so that the messages of a session can be counted by its numbers.
 */
const MESSAGE_PARTS = `
  ALTER TABLE messages ADD COLUMN parts TEXT;
  ALTER TABLE messages ADD COLUMN parts_whole TEXT;
  ALTER TABLE messages ADD COLUMN deleted_at INTEGER;
  CREATE INDEX messages_deleted ON messages (session, seq) WHERE deleted_at IS NOT NULL;
  ALTER TABLE sessions ADD COLUMN assigning_user TEXT;
  CREATE INDEX messages_expiry ON messages (deleted_at) WHERE deleted_at > 0;
  DROP INDEX messages_created;
  CREATE VIRTUAL TABLE message_vocabulary USING fts5vocab(message_terms, row);
`;

/** What one process does at a time, until when it has that to itself, and what it has noted, as JSON. */
const LEASES = `
  CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
`;

/**
 * How many messages of a session were deleted individually. Without the column, a list counts them for each
 * session.
 */
const DELETED_COUNT = `
  ALTER TABLE sessions ADD COLUMN deleted_count INTEGER NOT NULL DEFAULT 0;
  UPDATE sessions SET deleted_count = (SELECT count(*) FROM messages WHERE messages.session = sessions.id
      AND messages.deleted_at IS NOT NULL AND messages.seq BETWEEN first_seq AND last_seq)
    WHERE id IN (SELECT session FROM messages WHERE deleted_at IS NOT NULL);
`;

/**
 * The steps from an empty file to today's schema. `PRAGMA user_version` counts the steps that a file has
 * been through. A published step is never changed, only followed by another.
 *
 * Times are milliseconds since 1970. `live` is a column so that an index can start with it: 1, or 0 for a
 * deleted record, or NULL for a session whose user is deleted.
 *
 * While a session's user is deleted, `user_deleted` has the uuid of that user. `deleted_with_user` has
 * the same uuid if the session was live until then. Both have the uuid, because after the purge of a user
 * another one may get the same identifier.
 *
 * A message is live if its session is live and its `seq` lies between `first_seq` and `last_seq`.
 * Deleting a session does not touch its messages, since they are reached only through the session. When
 * a deleted session is revived, its messages become a retired range. A retired range can be restored
 * until it is purged.
 */
export const MIGRATIONS: readonly Migration[] = [
  INITIAL_SCHEMA,
  ...MESSAGE_TERMS,
  VECTORS,
  LIVE_COLUMN,
  UNINDEXED,
  APPLICATION_MARK,
  RETIRED_RANGES,
  SERVERS,
  MESSAGE_ANALYSIS,
  MESSAGE_PARTS,
  LEASES,
  DELETED_COUNT,
];
