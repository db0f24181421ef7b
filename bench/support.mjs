// What the benches share: the stores, the services in front of them, and a MongoDB server.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { v7 as newUuid } from 'uuid';

const START_LIMIT_MS = 30_000;

/** The address of a module of the built server, to be imported. */
export const dist = (path) => new URL(`../dist/${path}`, import.meta.url).href;

/**
 * Opens the store that `place` names: `{ file }`, or `{ uri }` and, if it is not to be `bench`, the
 * `database`. Another process may do so as well.
 */
export async function openStore(place) {
  if ('file' in place) {
    const { openSqliteStore } = await import(dist('store/sqlite/index.js'));
    return openSqliteStore(place.file);
  }
  const { createMongoClient, openMongoStore } = await import(dist('store/mongodb/index.js'));
  const client = createMongoClient(place.uri);
  const { database = 'bench' } = place;
  return openMongoStore({ client, database, ...(await serverUse()) });
}

/** How a server uses a store that keeps everything. */
export async function serverUse() {
  const { Retention } = await import(dist('store/retention.js'));
  const retention = new Retention({ own: undefined, registrationMs: 3_600_000, purges: true });
  return { readOnly: false, server: true, retention };
}

export async function services(store) {
  const { TOOL_ANSWER } = await import(dist('mcp/answer/answer-shape.js'));
  const { FairQueue } = await import(dist('services/fair-queue.js'));
  const deps = {
    store: async () => store,
    now: Date.now,
    newUuid: () => newUuid(),
    purgeAfter: undefined,
    longReads: new FairQueue(),
    onChange: () => {},
    answer: TOOL_ANSWER,
  };
  const { createMemoryService } = await import(dist('services/memory.js'));
  const { createSessionService } = await import(dist('services/sessions.js'));
  const { createSearchService } = await import(dist('services/search/index.js'));
  const { createUserService } = await import(dist('services/users.js'));
  const { createFactService } = await import(dist('services/facts/index.js'));
  return {
    sessions: createSessionService(deps),
    memory: createMemoryService(deps),
    search: createSearchService(deps),
    users: createUserService(deps),
    facts: createFactService(deps),
  };
}

async function onPath(name) {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, name);
    const runs = access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (directory !== '' && (await runs)) return path;
  }
  return undefined;
}

/**
 * The MongoDB server on the PATH, or what stands in for it: where it is, and its name and version.
 * `undefined` if there is none.
 */
export async function findMongodb() {
  const binary = (await onPath('mongod')) ?? (await onPath('secantusd-rs'));
  if (binary === undefined) return undefined;
  const name = basename(binary);
  const { stdout } = await promisify(execFile)(binary, ['--version']);
  const version = /\d+\.\d+\.\S+/.exec(stdout)?.[0] ?? '';
  return { binary, isMongod: name === 'mongod', version: `${name} ${version}`.trim() };
}

/**
 * Starts a MongoDB server in `folder`, with the flags of test/support/mongod.ts.
 *
 * @param cacheMegabytes how much of the data it keeps in memory
 */
export async function startMongodb(folder, standalone, cacheMegabytes = 256) {
  const data = join(folder, 'data');
  await mkdir(data);
  const found = await findMongodb();
  if (found === undefined) return undefined;
  const { binary, isMongod } = found;
  const port = isMongod ? await freePort() : 0;
  const args = !isMongod
    ? [
        ...[
          '--storage-path',
          data,
          '--port',
          '0',
          '--cache-size',
          `${cacheMegabytes}M`,
          '--sync-on-commit',
        ],
        ...['--log-file-max', '16MB', ...(standalone ? ['--standalone'] : [])],
      ]
    : [
        ...['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1'],
        ...[
          '--wiredTigerCacheSizeGB',
          String(cacheMegabytes / 1024),
          ...(standalone ? [] : ['--replSet', 'rs0']),
        ],
      ];
  const logFile = join(folder, 'server.log');
  const log = await open(logFile, 'w');
  const server = spawn(binary, args, { stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const endWithUs = () => server.kill('SIGKILL');
  process.once('exit', endWithUs);
  const stop = async () => {
    const exited = once(server, 'exit');
    if (server.exitCode === null && server.signalCode === null && server.kill()) await exited;
    process.off('exit', endWithUs);
  };
  try {
    const listens = isMongod
      ? /"Waiting for connections".*?"port":(\d+)/
      : /listening on \S+:(\d+)\n/;
    const actual = await listeningPort(server, logFile, listens);
    return { place: { uri: await makeReady(actual, isMongod, standalone) }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function listeningPort(server, logFile, listens) {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const log = await readFile(logFile, 'utf8');
    const port = listens.exec(log)?.[1];
    if (port !== undefined) return Number(port);
    if (server.exitCode !== null || Date.now() > deadline) {
      throw new Error(`The MongoDB server did not start: ${log.slice(-1000)}`);
    }
    await delay(20);
  }
}

async function makeReady(port, isMongod, standalone) {
  const { MongoClient } = await import('mongodb');
  const address = `mongodb://127.0.0.1:${port}/`;
  const client = new MongoClient(`${address}?directConnection=true`);
  try {
    const admin = client.db('admin');
    if (isMongod && !standalone) {
      const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
      await admin.command({ replSetInitiate: { _id: 'rs0', members } });
    }
    const deadline = Date.now() + START_LIMIT_MS;
    for (;;) {
      const hello = await admin.command({ hello: 1 });
      if (hello.isWritablePrimary) {
        return standalone ? address : `${address}?replicaSet=${hello.setName}`;
      }
      if (Date.now() > deadline) throw new Error('The MongoDB server did not become primary.');
      await delay(20);
    }
  } finally {
    await client.close();
  }
}

export async function timed(work) {
  const started = performance.now();
  const result = await work();
  return { result, ms: performance.now() - started };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
