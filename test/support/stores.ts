import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { v7 as uuidv7 } from 'uuid';
import { inject } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import { TOOL_ANSWER } from '../../src/mcp/answer/answer-shape.ts';
import { searchAdvice } from '../../src/mcp/answer/search-advice.ts';
import { toCallerError } from '../../src/mcp/calls/call-errors.ts';
import type { Caller } from '../../src/services/caller.ts';
import type { Dependencies } from '../../src/services/dependencies.ts';
import { createFactService, type FactService } from '../../src/services/facts/index.ts';
import { FairQueue } from '../../src/services/fair-queue.ts';
import { createMemoryService, type MemoryService } from '../../src/services/memory.ts';
import { createSearchService, type SearchService } from '../../src/services/search/index.ts';
import { createSessionService, type SessionService } from '../../src/services/sessions.ts';
import { createUserService, type UserService } from '../../src/services/users.ts';
import { createMongoClient, openMongoStore } from '../../src/store/mongodb/index.ts';
import type { Store } from '../../src/store/port.ts';
import { Retention, type StoreUse } from '../../src/store/retention.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';

export interface StoreOptions {
  /** Milliseconds; 7 days if left out. */
  purgeAfter?: number | undefined;
  /** How long its registration counts, in milliseconds; ten minutes if left out. */
  registrationMs?: number;
  /** A server that may write, if left out. */
  kind?: 'server' | 'command' | 'reader';
  /** The retention to use, instead of one made from these options. */
  retention?: Retention;
}

/** A new database. Several stores may be opened on it, as several processes would do. */
export interface TestDatabase {
  open(options?: StoreOptions): Promise<Store>;
  remove(): Promise<void>;
}

export interface StoreKind {
  name: string;
  /** Why it cannot be tested on this machine; empty if it can. */
  skipReason: string;
  create(): Promise<TestDatabase>;
}

const DAY = 86_400_000;

/** The use that a process with these options makes of its store. */
export function useOf(options: StoreOptions = {}): StoreUse {
  const { registrationMs = 600_000, kind = 'server' } = options;
  const own = 'purgeAfter' in options ? options.purgeAfter : 7 * DAY;
  const { retention = new Retention({ own, registrationMs, purges: kind !== 'reader' }) } = options;
  return { readOnly: kind === 'reader', server: kind !== 'command', retention };
}

export const SQLITE: StoreKind = {
  name: 'embedded',
  skipReason: '',
  async create() {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
    return {
      open: (options) => openSqliteStore(join(folder, 'sessions.db'), useOf(options)),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

function mongodb(name: string, uri: string | null): StoreKind {
  return {
    name,
    skipReason: uri === null ? inject('mongodbSkipReason') : '',
    async create() {
      const database = `test_${randomUUID().replaceAll('-', '')}`;
      return {
        async open(options) {
          const client = createMongoClient(uri as string);
          return openMongoStore({ client, database, ...useOf(options) });
        },
        async remove() {
          const client = new MongoClient(uri as string);
          await client.db(database).dropDatabase();
          await client.close();
        },
      };
    },
  };
}

export const MONGODB_REPLICA_SET = mongodb('MongoDB replica set', inject('mongodbReplicaSet'));
const MONGODB_STANDALONE = mongodb('MongoDB standalone', inject('mongodbStandalone'));

/** The stores that the contract holds for. */
export const STORES = [SQLITE, MONGODB_REPLICA_SET, MONGODB_STANDALONE];

/** The services on one store, under a clock that tests move. What they throw and note are facts. */
export interface Services {
  deps: Dependencies;
  store: Store;
  sessions: SessionService;
  memory: MemoryService;
  users: UserService;
  search: SearchService;
  facts: FactService;
  longReads: FairQueue;
  clock: { now: number };
}

/** How long deleted records are kept: milliseconds, for ever, or what a database's servers agree on. */
type Kept = number | 'off' | Retention;

export function createServices(
  store: Store,
  kept: Kept = 7 * DAY,
  {
    embeddings,
    answer = TOOL_ANSWER,
    extractsFacts = false,
  }: Partial<Pick<Dependencies, 'embeddings' | 'answer' | 'extractsFacts'>> = {},
): Services {
  // In the future, where the server's own TTL monitor finds nothing to purge.
  const clock = { now: Date.parse('2100-01-01T00:00:00.000Z') };
  const longReads = new FairQueue();
  const deps: Dependencies = {
    store: async () => store,
    now: () => clock.now,
    newUuid: () => uuidv7(),
    get purgeAfter() {
      if (kept instanceof Retention) return kept.current;
      return kept === 'off' ? undefined : kept;
    },
    embeddings,
    extractsFacts,
    longReads,
    onChange: () => {},
    answer,
  };
  return {
    deps,
    store,
    sessions: createSessionService(deps),
    memory: createMemoryService(deps),
    users: createUserService(deps),
    search: createSearchService(deps),
    facts: createFactService(deps),
    longReads,
    clock,
  };
}

/** The same with the texts that the MCP server gives errors and notes. */
export interface Harness
  extends Pick<Services, 'store' | 'sessions' | 'memory' | 'users' | 'clock'> {
  search: { search(...args: Parameters<SearchService['search']>): Promise<AdvisedResult> };
}

type AdvisedResult = Omit<Awaited<ReturnType<SearchService['search']>>, 'notes'> & {
  advice?: string;
};

export function harness(store: Store, kept?: Kept): Harness {
  const { clock, ...services } = createServices(store, kept);
  const search = worded(services.search);
  return {
    store,
    sessions: worded(services.sessions),
    memory: worded(services.memory),
    users: worded(services.users),
    search: {
      async search(...args) {
        const { notes, ...result } = await search.search(...args);
        const advice = searchAdvice(notes, () => true);
        return { ...result, ...(advice !== undefined && { advice }) };
      },
    },
    clock,
  };
}

/** Wraps a service so that its errors have the texts for the caller of a tool. */
export function worded<T extends object>(service: T): T {
  const methods = Object.entries(service).map(([name, method]) => [
    name,
    async (caller: Caller, ...args: unknown[]) => {
      try {
        return await method(caller, ...args);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        // Of a pinned caller: nobody else lacks these.
        const offers = (tool: string) => caller.user_id === undefined || !tool.includes('user');
        throw toCallerError(error, { caller, offers }).answer;
      }
    },
  ]);
  return Object.fromEntries(methods) as T;
}
