import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import type { Store } from '../port.ts';
import type { Kept, Retention } from '../retention.ts';
import type { Connection } from './connection/index.ts';
import { OURS, WITHOUT_EXPIRED } from './connection/ownership.ts';
import { prepareTtlIndexes } from './connection/ttl-index.ts';
import { databaseMetadataOf, type MetadataDocument } from './documents.ts';

/** How often a server adapts the TTL indexes while others register at the same time. */
const MAX_ROUNDS = 5;

/** How long a server that ends waits for its registration to be removed. */
const END_TIMEOUT_MS = 2000;

/** The registration of this server in the database, with how long it wants deleted records kept. */
export class Registration {
  readonly #id = randomUUID();
  readonly #retention: Retention;
  #registered = false;

  constructor(retention: Retention) {
    this.#retention = retention;
  }

  /**
   * Renews the registration, and sets the TTL indexes to the retention that all servers agree on.
   * Repeats that after a change of the indexes: another server may have registered or left meanwhile,
   * and have set them before this one did.
   *
   * @param transactions false for a standalone server
   * @returns false if the database is no longer ours: it was dropped, or a newer version took it over
   */
  async renew(db: Db, transactions: boolean): Promise<boolean> {
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const found = await this.#register(db);
      if (found === null) return false;
      const agreed = learnRetention(this.#retention, found);
      if (!(await prepareTtlIndexes(db, agreed, transactions))) break;
    }
    return true;
  }

  /** Removes the registration. If that fails, it expires by itself. */
  async end(connection: Connection): Promise<void> {
    if (!this.#registered) return;
    const leave = { $pull: { servers: { id: this.#id } } };
    await connection
      .run(({ db }) => databaseMetadataOf(db).updateOne(OURS, leave), END_TIMEOUT_MS)
      .catch(() => undefined);
  }

  /** One update, which takes the time from the database's clock. */
  async #register(db: Db): Promise<MetadataDocument | null> {
    this.#registered = true;
    const { own, registrationMs } = this.#retention;
    const self = {
      id: { $literal: this.#id },
      purge_after_ms: { $literal: own ?? null },
      expires_at: {
        $dateAdd: { startDate: '$$NOW', unit: 'millisecond', amount: registrationMs },
      },
    };
    const others = {
      $filter: {
        input: WITHOUT_EXPIRED,
        as: 'other',
        cond: { $ne: ['$$other.id', { $literal: this.#id }] },
      },
    };
    return databaseMetadataOf(db).findOneAndUpdate(
      OURS,
      [{ $set: { servers: { $concatArrays: [others, [self]] } } }],
      { returnDocument: 'after' },
    );
  }
}

/** The retention of the port: a server renews its registration, all others read what there is. */
export function mongoRetention(
  connection: Connection,
  retention: Retention,
  registration: Registration | undefined,
): Pick<Store, 'agreeRetention'> {
  return {
    async agreeRetention() {
      const renewed =
        registration !== undefined &&
        (await connection.run(({ db, transactions }) => registration.renew(db, transactions)));
      if (!renewed) {
        // Checks the database as at the start: it may have been dropped, or taken over by a newer version.
        connection.recheck();
        await connection.run(async () => {});
      }
      return retention.current;
    },
  };
}

/** Passes on what the registered servers are configured with, and returns the retention agreed on. */
export function learnRetention(retention: Retention, found: MetadataDocument | undefined): Kept {
  const servers = found?.servers ?? [];
  return retention.hear(servers.map(({ purge_after_ms }) => purge_after_ms ?? undefined));
}
