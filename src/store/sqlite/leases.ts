import type { JsonObject } from '../../domain/metadata.ts';
import type { LeaseStore } from '../lease-port.ts';
import type { Connection } from './connection/index.ts';

const TAKE = `INSERT INTO leases (name, holder, expires_at, state) VALUES (?1, ?2, ?3, '{}')
  ON CONFLICT (name) DO UPDATE SET holder = ?2, expires_at = ?3
  WHERE holder IS NULL OR holder = ?2 OR expires_at <= ?4
  RETURNING state`;

const SAVE = `UPDATE leases SET state = ?4, expires_at = ?3 WHERE name = ?1 AND holder = ?2
  RETURNING name`;

const RELEASE = 'UPDATE leases SET holder = NULL WHERE name = ? AND holder = ?';

const LOOK = 'SELECT iif(expires_at > ?2, holder, NULL), state FROM leases WHERE name = ?1';

/** The table of leases. All processes of a file are on one machine, so they have one clock. */
export function sqliteLeases(connection: Connection): LeaseStore {
  return {
    take: (name, holder, ttlMs) =>
      connection.write(() => {
        const now = Date.now();
        const row = connection.statement(TAKE).get(name, holder, now + ttlMs, now);
        return row === undefined ? undefined : stateOf(row[0]);
      }),

    save: (name, holder, ttlMs, state) =>
      connection.write(() => {
        const expires = Date.now() + ttlMs;
        const text = JSON.stringify(state);
        return connection.statement(SAVE).get(name, holder, expires, text) !== undefined;
      }),

    release: (name, holder) =>
      connection.write(() => {
        connection.statement(RELEASE).run(name, holder);
      }),

    look: (name) =>
      connection.read(() => {
        const row = connection.statement(LOOK).get(name, Date.now());
        if (row === undefined) return undefined;
        const [holder, state] = row;
        return { state: stateOf(state), ...(holder !== null && { holder: holder as string }) };
      }),
  };
}

const stateOf = (text: unknown): JsonObject => JSON.parse(text as string);
