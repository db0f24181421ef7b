import { randomUUID } from 'node:crypto';
import type { Store } from '../port.ts';
import { type Kept, Retention, type StoreUse } from '../retention.ts';
import { isBusy } from './connection/errors.ts';
import type { Connection, ConnectionOptions } from './connection/index.ts';

/**
 * What the port has of retention: a server registers, all others only look. `begin` does that when the
 * file was opened, without a wait, be it for other processes or for the disk; where it fails, the sweep
 * will do. `end` takes the registration back.
 */
export function sqliteRetention(
  connection: Connection,
  {
    readOnly = false,
    server = false,
    retention = unset(),
    warn = () => {},
  }: Partial<StoreUse> & Pick<ConnectionOptions, 'warn'>,
): Pick<Store, 'agreeRetention'> & { begin(): void; end(): void } {
  const id = randomUUID();
  const registers = server && !readOnly;

  const registered = (): Kept[] =>
    connection
      .statement('SELECT purge_after_ms FROM servers WHERE expires_at > ?')
      .all(Date.now())
      .map(([kept]) => (kept === null ? undefined : Number(kept)));

  function register(): void {
    const now = Date.now();
    connection.statement('DELETE FROM servers WHERE id = ? OR expires_at <= ?').run(id, now);
    connection
      .statement('INSERT INTO servers (id, purge_after_ms, expires_at) VALUES (?, ?, ?)')
      .run(id, retention.own ?? null, now + retention.registrationMs);
  }

  /** What is not flushed to the disk may end with the power, and so may a registration. */
  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      // Somebody else is writing, or the file fails: the sweep will do, and at the end the time.
      if (!isBusy(error)) warn('the servers of the session file cannot be noted in it', { error });
    }
  }

  return {
    begin() {
      if (registers) attempt(() => connection.writeUnflushed(register));
      attempt(() => retention.hear(registered()));
    },

    async agreeRetention() {
      if (registers) await connection.write(register);
      return retention.hear(await connection.read(registered));
    },

    end() {
      if (!registers) return;
      const leave = () => connection.statement('DELETE FROM servers WHERE id = ?').run(id);
      attempt(() => connection.writeUnflushed(leave));
    },
  };
}

/** For whoever opens a file without a setting of how long records are kept. */
const unset = () => new Retention({ own: undefined, registrationMs: 0, purges: false });
