import type { ClientSession, Collection, Db, Document, MongoClient } from 'mongodb';
import { GUARANTEES, LEAD_MS, LONG_OPERATION_TIMEOUT_MS, OPERATION_TIMEOUT_MS } from './client.ts';
import { toDomainError, tooOld, unavailable } from './errors.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import { retryTransient } from './retry.ts';
import { runTransaction } from './transaction.ts';

/** The wire version of MongoDB 8.0, the first with the command `bulkWrite`. */
const BULK_WRITE_WIRE_VERSION = 25;

/** The wire versions of MongoDB 5.0, and of 6.0 for a mongos: the first that have all that is sent. */
const MIN_WIRE_VERSION = { mongod: 13, mongos: 17 };

/** What is known of the server. */
interface Server {
  /** False for a standalone server. */
  transactions: boolean;
  /** The server is a mongos, and records are spread over shards. */
  sharded: boolean;
  /** One command can write to several collections, and a failure cannot undo an earlier write only. */
  orderedWrites: boolean;
}

/** The database as one operation sees it. */
export interface Deployment extends Server {
  /** Its commands are given up in the server before the deadline. */
  db: Db;
  /** When the caller stops waiting, in milliseconds since 1970. Nothing may begin after it. */
  deadline: number;
}

/**
 * The connection to one database. Every operation goes through `run`, which may repeat it: operations
 * have to be safe to repeat.
 */
export class Connection {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #prepare: (db: Db, transactions: boolean) => Promise<boolean>;
  readonly #locks = new KeyedMutex();
  #ready: Promise<Server> | undefined;

  /**
   * @param prepare runs before the first operation, which fails if it throws. Runs before further
   *   operations until it returns true. Learns whether the server has transactions
   */
  constructor(
    client: MongoClient,
    database: string,
    prepare: (db: Db, transactions: boolean) => Promise<boolean>,
  ) {
    this.#client = client;
    this.#db = client.db(database, GUARANTEES);
    this.#prepare = prepare;
  }

  /**
   * Runs `work`, and repeats it while it fails for a transient reason.
   *
   * @throws DomainError UNAVAILABLE after the time-out, or what the failure maps to
   */
  async run<T>(
    work: (deployment: Deployment) => Promise<T>,
    timeoutMs = OPERATION_TIMEOUT_MS,
  ): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    let reason: unknown = new Error('no answer in time');
    const attempt = async () =>
      work({ ...(await this.#server()), db: this.limitTime(deadline), deadline });
    const working = attempt().catch((error: unknown) =>
      retryTransient(attempt, error, deadline, (transient) => {
        reason = transient;
      }),
    );
    try {
      return await withTimeout(working, timeoutMs, () => {
        throw unavailable(reason, working);
      });
    } catch (error) {
      throw toDomainError(error);
    }
  }

  /** As `run`, for work that takes long because it is large. An unreachable server still fails soon. */
  async runLong<T>(work: (deployment: Deployment) => Promise<T>): Promise<T> {
    await this.run(({ db }) => db.command({ ping: 1 }));
    return this.run(work, LONG_OPERATION_TIMEOUT_MS);
  }

  /**
   * Runs `work`, within `run`, after all earlier callers of this process with the same key.
   *
   * @param key names what they write: see keyed-mutex.ts
   * @throws DomainError UNAVAILABLE if they take until the deadline
   */
  runExclusive<T>(key: string, deadline: number, work: () => Promise<T>): Promise<T> {
    return this.#locks.runExclusive(key, () => {
      if (Date.now() > deadline) throw unavailable(new Error('the lock was not free in time'));
      return work();
    });
  }

  /** The database for another deadline than that of the operation, in milliseconds since 1970. */
  limitTime(deadline: number): Db {
    return limitTime(this.#db, deadline);
  }

  /** Runs `work` in a transaction. Lock what others are likely to write first, with `runExclusive`. */
  transaction<T>(work: (session: ClientSession) => Promise<T>): Promise<T> {
    return runTransaction(this.#client, work);
  }

  /**
   * The database without a time limit: for small commands of work that goes on after its caller was told
   * that it takes too long.
   */
  get unlimited(): Db {
    return this.#db;
  }

  /** Has the database prepared again before the next operation. */
  recheck(): void {
    this.#ready = undefined;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #server(): Promise<Server> {
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
  async #connect(forget: () => void): Promise<Server> {
    // A client whose first connection failed stays closed until it is told to connect again.
    await this.#client.connect();
    const hello = await this.#db.admin().command({ hello: 1 });
    const sharded = hello.msg === 'isdbgrid';
    if (hello.maxWireVersion < (sharded ? MIN_WIRE_VERSION.mongos : MIN_WIRE_VERSION.mongod)) {
      throw tooOld();
    }
    // https://www.mongodb.com/docs/manual/reference/command/hello/: a member of a replica set answers
    // with `setName`, a mongos with `msg: 'isdbgrid'`, a standalone server with neither.
    const replicated = 'setName' in hello;
    if (!(await this.#prepare(this.#db, replicated || sharded))) forget();
    return {
      transactions: replicated || sharded,
      sharded,
      // Not through a mongos: shards fail one by one, so that an earlier write may be lost alone.
      orderedWrites: replicated && hello.maxWireVersion >= BULK_WRITE_WIRE_VERSION,
    };
  }
}

/**
 * Settles as `work` does, or as `onTimeout` does if `work` takes longer. `work` goes on.
 *
 * By hand: p-timeout needs Node 22 since its version 8.
 */
export async function withTimeout<T, R>(
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => R,
): Promise<T | R> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  try {
    return await Promise.race([work, timedOut.then(onTimeout)]);
  } finally {
    clearTimeout(timer);
  }
}

/** The methods of a collection that send a command, with the position of their options. */
const OPTIONS_AT: Readonly<Record<string, number>> = {
  ...{ find: 1, findOne: 1, aggregate: 1, countDocuments: 1 },
  ...{ insertOne: 1, insertMany: 1, deleteOne: 1, deleteMany: 1, bulkWrite: 1 },
  ...{ updateOne: 2, updateMany: 2, findOneAndUpdate: 2 },
};

/** Those of them that return a cursor. */
const CURSORS = new Set(['find', 'aggregate']);

/** How long a command may take, in milliseconds. */
const timeLeft = (deadline: number) => Math.max(0, Math.floor(deadline - LEAD_MS - Date.now()));

/**
 * The time limit of a command: after its caller was told that it failed, it must not take effect, nor keep
 * the server busy.
 *
 * @param deadline when the caller stops waiting, in milliseconds since 1970
 * @throws DomainError UNAVAILABLE where no time is left
 */
export function timeLimit(deadline: number): { maxTimeMS: number } {
  const maxTimeMS = timeLeft(deadline);
  if (maxTimeMS < 1) throw unavailable(new Error('no time is left for another command'));
  return { maxTimeMS };
}

/**
 * The database with a time limit on each command that is sent to a collection. Without one of their own:
 * commands in a transaction, which the server ends as a whole.
 *
 * By hand: the driver's `timeoutMS` sets no `maxTimeMS` for a server that is reached in time.
 */
function limitTime(db: Db, deadline: number): Db {
  return new Proxy(db, {
    get(target, name) {
      if (name === 'collection') {
        return (collection: string) => limited(target.collection(collection), deadline);
      }
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function limited(collection: Collection, deadline: number): Collection {
  return new Proxy(collection, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const at = OPTIONS_AT[name as string];
      if (at === undefined) return value.bind(target);
      const send = (args: unknown[], limit: () => { maxTimeMS: number }) => {
        const options = (args[at] ?? {}) as Document;
        if (options.session === undefined && options.maxTimeMS === undefined) {
          args[at] = { ...options, ...limit() };
        }
        return value.apply(target, args);
      };
      // A cursor is no promise that could be rejected. A late read changes nothing.
      return CURSORS.has(name as string)
        ? (...args: unknown[]) => send(args, () => ({ maxTimeMS: timeLeft(deadline) || 1 }))
        : async (...args: unknown[]) => send(args, () => timeLimit(deadline));
    },
  });
}
