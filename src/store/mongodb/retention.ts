import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import type { Store } from '../port.ts';
import type { Kept, Retention } from '../retention.ts';
import type { Connection } from './connection/index.ts';
import { preparePurge } from './connection/indexes.ts';
import { OURS, WITHOUT_EXPIRED } from './connection/ownership.ts';
import { databaseMetadataOf, type MetadataDocument } from './documents.ts';

/** How often a server looks again whether what it made the TTL indexes go by still holds. */
const MAX_LOOKS = 5;

/** How long the end of a server waits for its registration to be removed, in milliseconds. */
const LEAVING_MS = 1000;

/** The registration of one server in the database. */
export class Registration {
  readonly #id = randomUUID();
  readonly #retention: Retention;
  #registered = false;

  constructor(retention: Retention) {
    this.#retention = retention;
  }

  /**
   * Registers the server anew, and has the TTL indexes go by what holds among all. Looks again after a
   * change: another server may have come or gone meanwhile, and have changed them before us.
   *
   * @returns false if the database is not ours any more: it was dropped, or a newer version came
   */
  async renew(db: Db): Promise<boolean> {
    for (let look = 1; look <= MAX_LOOKS; look++) {
      const found = await this.#register(db);
      if (found === null) return false;
      if (!(await preparePurge(db, hear(this.#retention, found)))) break;
    }
    return true;
  }

  /** Takes the registration back, so that those of others hold. If it fails, it expires. */
  async end(connection: Connection): Promise<void> {
    if (!this.#registered) return;
    const leave = { $pull: { servers: { id: this.#id } } };
    await connection
      .run(({ db }) => databaseMetadataOf(db).updateOne(OURS, leave), LEAVING_MS)
      .catch(() => undefined);
  }

  /** In one step, by the clock of the database. */
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

/** What the port has of retention: a server registers, all others only look. */
export function mongoRetention(
  connection: Connection,
  retention: Retention,
  registration: Registration | undefined,
): Pick<Store, 'agreeRetention'> {
  return {
    async agreeRetention() {
      const renewed =
        registration !== undefined && (await connection.run(({ db }) => registration.renew(db)));
      if (!renewed) {
        // Looks at the database as at the start: it may have been dropped, or be of a newer version now.
        connection.recheck();
        await connection.run(async () => {});
      }
      return retention.current;
    },
  };
}

/** Tells what the registered servers are configured with, and returns what holds. */
export function hear(retention: Retention, found: MetadataDocument | undefined): Kept {
  const servers = found?.servers ?? [];
  return retention.hear(servers.map(({ purge_after_ms }) => purge_after_ms ?? undefined));
}
