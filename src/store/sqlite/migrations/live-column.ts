/**
 * `live` becomes NULL for sessions whose user is deleted. A list of deleted sessions then leaves them out
 * without reading them.
 */
export const LIVE_COLUMN = `
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
`;
