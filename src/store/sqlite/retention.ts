import { randomUUID } from 'node:crypto';
import type { Store } from '../port.ts';
import { type Kept, Retention, type StoreUse } from '../retention.ts';
import { isBusy } from './connection/errors.ts';
import type { Connection, ConnectionOptions } from './connection/index.ts';

/**
 * Agrees with the other servers of the file on how long deleted records are kept. A server registers its
 * own value; other processes only read.
 *
 * `begin` registers when the file is opened. It waits neither for other processes nor for the disk. If it
 * fails, the first sweep registers. `end` removes the registration.
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

  /** For unflushed writes. A registration may get lost in a power failure, since its server stops too. */
  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      // A sweep registers again. A registration that cannot be removed expires.
      if (!isBusy(error))
        warn('the registration of this server in the session file failed', { error });
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
      const remove = () => connection.statement('DELETE FROM servers WHERE id = ?').run(id);
      attempt(() => connection.writeUnflushed(remove));
    },
  };
}

/** For a process that opens the file without a retention setting. */
const unset = () => new Retention({ own: undefined, registrationMs: 0, purges: false });
