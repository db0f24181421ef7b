import { setTimeout as delay } from 'node:timers/promises';
import {
  type ClientSession,
  type Db,
  MongoClient,
  type MongoClientOptions,
  MongoError,
  MongoServerSelectionError,
} from 'mongodb';
import { KeyedMutex } from '../keyed-mutex.ts';
import { isPassing, toDomainError, unavailable } from './errors.ts';

/** How long a call waits for a server that cannot be reached, in milliseconds. */
export const OPERATION_TIMEOUT_MS = 4500;

/** How long work may take that goes through many records: the server ends transactions after a minute. */
const LONG_OPERATION_TIMEOUT_MS = 55_000;

/** Shorter than the patience, so that the driver reports what it met before the call gives up. */
const SELECTION_TIMEOUT_MS = 4000;

/** That of MongoDB 8.0, the first with `bulkWrite`. */
const BULK_WRITE_WIRE_VERSION = 25;

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 400;

/** What an operation works with. */
export interface Deployment {
  db: Db;
  /** When its caller stops waiting (milliseconds since 1970): nothing is begun after that. */
  deadline: number;
  /** A standalone server has no transactions. */
  transactions: boolean;
  /** Whether one command can write to several collections, in an order that a failure keeps. */
  orderedWrites: boolean;
}

/**
 * A client with the guarantees that the store gives: what is acknowledged is on the disks of a
 * majority, and what is read cannot be rolled back. It connects when it is first used.
 *
 * @throws DomainError INTERNAL when the connection string cannot be used
 */
export function createMongoClient(uri: string, options: MongoClientOptions = {}): MongoClient {
  try {
    return new MongoClient(uri, {
      // Tests have names of their own, to have the server fail the commands of one client.
      appName: 'mcp-sessions',
      ...options,
      serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
      connectTimeoutMS: SELECTION_TIMEOUT_MS,
      socketTimeoutMS: LONG_OPERATION_TIMEOUT_MS,
      waitQueueTimeoutMS: OPERATION_TIMEOUT_MS,
      writeConcern: { w: 'majority', journal: true },
      readConcern: { level: 'majority' },
      readPreference: 'primary',
    });
  } catch (error) {
    throw toDomainError(error);
  }
}

/**
 * The way to one database. Every operation goes through `run`, which repeats it while the deployment
 * is changing its primary or restarting; so operations have to bear being repeated.
 */
export class Connection {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #prepare: (db: Db) => Promise<boolean>;
  readonly #turns = new KeyedMutex();
  #ready: Promise<Omit<Deployment, 'deadline'>> | undefined;

  /**
   * @param prepare runs before the first operation, which fails if it throws; and before the next ones,
   *   until it says with true that this is needed no more
   */
  constructor(client: MongoClient, database: string, prepare: (db: Db) => Promise<boolean>) {
    this.#client = client;
    this.#db = this.#client.db(database);
    this.#prepare = prepare;
  }

  /**
   * Runs `work`, again and again while it fails for a reason that passes.
   *
   * @param patience how long to keep trying, in milliseconds
   * @throws DomainError UNAVAILABLE when the patience is over, or what the failure maps to
   */
  async run<T>(
    work: (deployment: Deployment) => Promise<T>,
    patience = OPERATION_TIMEOUT_MS,
  ): Promise<T> {
    const deadline = Date.now() + patience;
    let timer: NodeJS.Timeout | undefined;
    let met: unknown = new Error('no answer in time');
    const meet = (error: unknown) => {
      met = error;
    };
    const working = this.#repeat(work, deadline, meet);
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unavailable(met, working)), patience);
    });
    try {
      return await Promise.race([working, late]);
    } catch (error) {
      throw toDomainError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** As `run`, for work that takes long, though not for want of a server. */
  async runLong<T>(work: (deployment: Deployment) => Promise<T>): Promise<T> {
    await this.run(({ db }) => db.command({ ping: 1 }));
    return this.run(work, LONG_OPERATION_TIMEOUT_MS);
  }

  /**
   * Runs `work`, within `run`, when all others of this process have finished that came with the same
   * key.
   *
   * @param key stands for what others will want to write at the same time
   * @param deadline the operation's
   */
  runExclusive<T>(key: string, deadline: number, work: () => Promise<T>): Promise<T> {
    return this.#turns.runExclusive(key, () => {
      if (Date.now() > deadline) throw unavailable(new Error('no turn in time'));
      return work();
    });
  }

  /** Runs `work` in a transaction. Whose document others are likely to write takes turns first. */
  async transaction<T>(work: (session: ClientSession) => Promise<T>): Promise<T> {
    const session = this.#client.startSession();
    try {
      session.startTransaction();
      const result = await work(session);
      await commit(session);
      return result;
    } finally {
      if (session.inTransaction()) await session.abortTransaction().catch(() => undefined);
      await session.endSession();
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** @param meet hears of every failure that passes */
  async #repeat<T>(
    work: (deployment: Deployment) => Promise<T>,
    deadline: number,
    meet: (error: unknown) => void,
  ): Promise<T> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await work({ ...(await this.#deployment()), deadline });
      } catch (error) {
        // The driver has waited for a server long enough for the both of us.
        const waited = error instanceof MongoServerSelectionError;
        if (waited || !isPassing(error) || Date.now() + pause > deadline) throw error;
        meet(error);
      }
      await delay(pause * (0.5 + Math.random()));
    }
  }

  /** Has the database prepared again before the next operation. */
  recheck(): void {
    this.#ready = undefined;
  }

  #deployment(): Promise<Omit<Deployment, 'deadline'>> {
    if (this.#ready !== undefined) return this.#ready;
    const forget = () => {
      if (this.#ready === connecting) this.#ready = undefined;
    };
    const connecting = this.#connect(forget).catch((error: unknown) => {
      forget();
      throw error;
    });
    this.#ready = connecting;
    return connecting;
  }

  /** @param forget is called if the database has to be prepared again before the next operation */
  async #connect(forget: () => void): Promise<Omit<Deployment, 'deadline'>> {
    // A client whose first connection failed stays closed unless it is told to connect again.
    await this.#client.connect();
    const hello = await this.#db.admin().command({ hello: 1 });
    if (!(await this.#prepare(this.#db))) forget();
    // https://www.mongodb.com/docs/manual/reference/command/hello/: a member of a replica set names
    // its set, a mongos says isdbgrid, a standalone server neither.
    const replicated = 'setName' in hello;
    return {
      db: this.#db,
      transactions: replicated || hello.msg === 'isdbgrid',
      // Shards fail one by one, so that what came first may be lost and what came last not.
      orderedWrites: replicated && hello.maxWireVersion >= BULK_WRITE_WIRE_VERSION,
    };
  }
}

/** Commits, and asks again when the answer was lost: the server tells a commit that was done. */
async function commit(session: ClientSession): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      const unknown =
        error instanceof MongoError && error.hasErrorLabel('UnknownTransactionCommitResult');
      if (!unknown || attempt === 3) throw error;
    }
  }
}
