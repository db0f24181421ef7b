import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { MongoClient } from 'mongodb';

/** A server program on this machine: `startMongod` runs as many of it as a test wants. */
export interface MongodBinary {
  readonly kind: 'mongod' | 'secantusd-rs';
  readonly binary: string;
  readonly version: string;
  readonly where: string;
}

/** A running server, named in the environment. */
interface MongodUri {
  readonly kind: 'uri';
  readonly uri: string;
  readonly standaloneUri: string | null;
  readonly version: string;
  readonly where: string;
}

export type Found = MongodBinary | MongodUri;

/** Why no server was found. */
export interface NotFound {
  readonly reason: string;
}

export interface StartOptions {
  readonly standalone?: boolean;
  /** Requires authentication. The address signs in as an administrator. Standalone only. */
  readonly auth?: boolean;
  /** Where the data is, with the log beside it; by default in a new temporary directory. */
  readonly dbPath?: string;
  readonly port?: number;
}

/** A running server of our own. */
export interface Mongod {
  readonly uri: string;
  readonly port: number;
  readonly dbPath: string;
  /** For a test that freezes the server with SIGSTOP and thaws it with SIGCONT. */
  readonly pid: number;
  /** Ends the server, keeps its data, and waits until it is gone. The default is SIGKILL. */
  kill(signal?: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<void>;
  /** Ends the server in good order and removes the temporary directory made for it. */
  stop(): Promise<void>;
}

const SECANTUSD = 'secantusd-rs';
const SECANTUSD_VERSION = '0.5.3-beta.193';
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const INSTALL = 'test/support/install-mongod.sh';
const REPLICA_SET = 'rs0';
const START_LIMIT = 30_000;
// A mongod that is a primary takes up to 15 seconds to step down.
const STOP_LIMIT = 30_000;
/** The time without progress after which a download is given up, before and after its first byte. */
const DOWNLOAD_BEGIN_LIMIT = 5_000;
const DOWNLOAD_STALL_LIMIT = 60_000;

/**
 * Looks for a MongoDB server to test against, the most real one first, and says in one line on
 * stderr which it took, or how to get one. With `REQUIRE_MONGODB=1` finding none is an error.
 */
export async function findMongod(env: NodeJS.ProcessEnv = process.env): Promise<Found | NotFound> {
  const finders = [inEnvironment, systemBinary, memoryServer, secantusdAtHand, secantusdInstalled];
  const rejected: string[] = [];
  for (const find of finders) {
    const result = await find(env);
    if (typeof result !== 'string') {
      const name = result.kind === 'uri' ? 'the server' : result.kind;
      const why = rejected.length > 0 ? ` Passed over: ${rejected.join('; ')}.` : '';
      say(`MongoDB tests run on ${name} ${result.version} (${result.where}).${why}`);
      return result;
    }
    rejected.push(result);
  }
  const reason = `no MongoDB server: ${rejected.join('; ')}`;
  const remedy = `To have one, put mongod on the PATH, run "bash ${INSTALL}", which builds ${SECANTUSD} once with cargo, or set MONGODB_TEST_URI to a replica set.`;
  if (env.REQUIRE_MONGODB === '1') {
    throw new Error(`REQUIRE_MONGODB=1, but there is ${reason}. ${remedy}`);
  }
  say(`!!! MONGODB TESTS ARE SKIPPED !!! There is ${reason}. ${remedy}`);
  return { reason };
}

/**
 * Starts a server of its own and waits until it takes writes: a replica set of one node, or a
 * standalone. To restart one after `kill()`, call this again with its `dbPath` and `port`.
 * The server ends with this process, however that ends.
 */
export async function startMongod(
  found: MongodBinary,
  { standalone = false, auth = false, dbPath, port }: StartOptions = {},
): Promise<Mongod> {
  const path = dbPath ?? (await newDataDirectory());
  await mkdir(path, { recursive: true });
  const logFile = `${path}.log`;
  const log = await open(logFile, 'w');
  const args =
    found.kind === 'mongod'
      ? mongodArguments(path, port ?? (await freePort()), standalone)
      : secantusdArguments(path, port ?? 0, standalone);
  if (auth) args.push('--auth');
  // Detached: a Ctrl-C in the terminal reaches only the test runner, which then stops the servers.
  const server = spawn(found.binary, args, { stdio: ['ignore', log.fd, log.fd], detached: true });
  const gone = new Promise<void>((resolve) => {
    server.once('exit', () => resolve());
    server.once('error', () => resolve());
  });
  server.unref();
  const removable = temporary.get(path);
  if (removable !== undefined) removable.owner = server;
  guard(server, removable?.directory ?? '');

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    server.ref();
    server.kill(signal);
    const late = new AbortController();
    await Promise.race([
      gone,
      sleep(STOP_LIMIT, undefined, { signal: late.signal }).then(() => server.kill('SIGKILL')),
    ]);
    late.abort();
    await gone;
  };
  const stop = async (): Promise<void> => {
    await end('SIGTERM');
    // Whoever restarted a killed server on the same data has taken the directory over.
    if (removable?.owner !== server) return;
    temporary.delete(path);
    await rm(removable.directory, { recursive: true, force: true });
  };

  try {
    await log.close();
    const listening = found.kind === 'mongod' ? MONGOD_LISTENS : SECANTUSD_LISTENS;
    const actualPort = await listeningPort(server, logFile, listening);
    const uri = auth ? await addRoot(actualPort) : await makeReady(found, actualPort, standalone);
    return {
      uri,
      port: actualPort,
      dbPath: path,
      pid: server.pid ?? 0,
      kill: (signal = 'SIGKILL') => end(signal),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

// ---------------------------------------------------------------------------------- finding

/** Looks in one place. @returns the server, or why there is none */
type Finder = (env: NodeJS.ProcessEnv) => Promise<Found | string>;

const inEnvironment: Finder = async (env) => {
  const uri = env.MONGODB_TEST_URI;
  if (!uri) return 'MONGODB_TEST_URI is not set';
  const standaloneUri = env.MONGODB_TEST_STANDALONE_URI || null;
  try {
    const replicaSet = await describeServer(uri);
    if (!replicaSet.isReplicaSet) return 'MONGODB_TEST_URI is not a replica set';
    if (standaloneUri !== null) await describeServer(standaloneUri);
    const where = standaloneUri === null ? 'MONGODB_TEST_URI, no standalone' : 'MONGODB_TEST_URI';
    return { kind: 'uri', uri, standaloneUri, version: replicaSet.version, where };
  } catch (error) {
    // A connection error names the host at most; that of the parser may quote the credentials.
    const unreadable = error instanceof Error && error.name === 'MongoParseError';
    return unreadable
      ? 'MONGODB_TEST_URI is not a MongoDB address'
      : `MONGODB_TEST_URI did not answer (${brief(error)})`;
  }
};

const systemBinary: Finder = async (env) => {
  const named = env.MONGOMS_SYSTEM_BINARY;
  const notNamed = named
    ? await examine(named, 'MONGOMS_SYSTEM_BINARY')
    : 'MONGOMS_SYSTEM_BINARY is not set';
  if (typeof notNamed !== 'string') return notNamed;
  const path = await onPath('mongod', env);
  if (path === undefined) return `${notNamed}; no mongod on the PATH`;
  const mongod = await examine(path, 'mongod on the PATH');
  return typeof mongod === 'string' ? `${notNamed}; ${mongod}` : mongod;
};

const memoryServer: Finder = async (env) => {
  // In a process of its own: it prints to stdout as it downloads, and cannot be interrupted.
  const script = `
    import { MongoBinary } from 'mongodb-memory-server';
    MongoBinary.getPath().then(
      (path) => ({ path }),
      (error) => ({ failure: String(error.code ?? error.message) }),
    ).then((answer) => process.stdout.write('\\n' + JSON.stringify(answer), () => process.exit()));
  `;
  const { MONGOMS_SYSTEM_BINARY: _, ...rest } = env;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: PROJECT,
    env: { ...rest, MONGOMS_MAX_RETRIES: env.MONGOMS_MAX_RETRIES ?? '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  const giveUp = () => child.kill('SIGKILL');
  let timer = setTimeout(giveUp, DOWNLOAD_BEGIN_LIMIT);
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (output === '' && chunk.trim() !== '' && !chunk.startsWith('\n{')) {
      say('mongodb-memory-server is downloading mongod, the test server, once.');
    }
    output += chunk;
    clearTimeout(timer);
    timer = setTimeout(giveUp, DOWNLOAD_STALL_LIMIT);
  });
  await once(child, 'close');
  clearTimeout(timer);
  const answer = parseAnswer(output);
  if (answer.path !== undefined) return examine(answer.path, 'mongodb-memory-server');
  const failure = answer.failure ?? 'no progress, given up';
  return `mongodb-memory-server has none and could not download one (${brief(failure)})`;
};

const secantusdAtHand: Finder = async (env) => {
  const path = await onPath(SECANTUSD, env);
  if (path !== undefined) return examine(path, 'on the PATH');
  const binary = join(cacheDirectory(env), executableName(SECANTUSD));
  if ((await runnable(binary)) === undefined) return `no ${SECANTUSD} on the PATH or in the cache`;
  return examine(binary, `built by ${INSTALL}`);
};

/** Takes minutes, so only a run with REQUIRE_MONGODB=1 does it. */
const secantusdInstalled: Finder = async (env) => {
  if (env.REQUIRE_MONGODB !== '1') return `none is built without REQUIRE_MONGODB=1`;
  say(`Building ${SECANTUSD} ${SECANTUSD_VERSION}, the test server, once: some minutes.`);
  const child = spawn('bash', [INSTALL], { cwd: PROJECT, env, stdio: ['ignore', 2, 2] });
  const [code, signal] = await once(child, 'exit').catch((error: unknown) => [brief(error)]);
  if (code !== 0) return `cargo could not build ${SECANTUSD} (${signal ?? `exit code ${code}`})`;
  return secantusdAtHand(env);
};

/** Where `install-mongod.sh` puts what it builds. */
function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const root = env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(root, 'mcp-sessions', `${SECANTUSD}-${SECANTUSD_VERSION}`, 'bin');
}

/** The version of a program, which also tells that the program runs. */
async function examine(binary: string, where: string): Promise<MongodBinary | string> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 10_000 });
    const mongod = /^db version v(\S+)/m.exec(stdout)?.[1];
    if (mongod !== undefined) return { kind: 'mongod', binary, version: mongod, where };
    const secantusd = /^secantusd-rs (\S+)/m.exec(stdout)?.[1];
    if (secantusd !== undefined) return { kind: SECANTUSD, binary, version: secantusd, where };
    return `${where} is not a MongoDB server`;
  } catch (error) {
    return `${where} does not run (${brief(error)})`;
  }
}

async function describeServer(uri: string): Promise<{ version: string; isReplicaSet: boolean }> {
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 });
  try {
    const admin = client.db('admin');
    const { version } = await admin.command({ buildInfo: 1 });
    const hello = await admin.command({ hello: 1 });
    // Without the right to set it, only the tests that wait for the TTL monitor take longer.
    await hurryTtlMonitor(client).catch(() => undefined);
    return { version: String(version), isReplicaSet: typeof hello.setName === 'string' };
  } finally {
    await client.close();
  }
}

async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    if (directory === '') continue;
    const path = await runnable(join(directory, executableName(name)));
    if (path !== undefined) return path;
  }
  return undefined;
}

async function runnable(path: string): Promise<string | undefined> {
  return access(path, constants.X_OK).then(
    () => path,
    () => undefined,
  );
}

function executableName(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

function parseAnswer(output: string): { path?: string; failure?: string } {
  try {
    return JSON.parse(output.slice(output.lastIndexOf('\n')));
  } catch {
    return {};
  }
}

function brief(error: unknown): string {
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const text = String(code ?? message ?? error).trim();
  return (text.split(/[\n!]/)[0] ?? '').slice(0, 80);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

// --------------------------------------------------------------------------------- starting

/** The temporary directories of this process by their data directory, each with its server. */
const temporary = new Map<string, { directory: string; owner?: ChildProcess }>();

const MONGOD_LISTENS = /"Waiting for connections".*?"port":(\d+)/;
const SECANTUSD_LISTENS = /listening on \S+:(\d+)\n/;

async function newDataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mcp-sessions-mongod-'));
  const path = join(directory, 'data');
  temporary.set(path, { directory });
  return path;
}

function mongodArguments(dbPath: string, port: number, standalone: boolean): string[] {
  return [
    ...['--dbpath', dbPath, '--port', String(port), '--bind_ip', '127.0.0.1'],
    ...['--wiredTigerCacheSizeGB', '0.25', '--setParameter', 'ttlMonitorSleepSecs=1'],
    // For fail points.
    ...['--setParameter', 'enableTestCommands=1'],
    ...(process.platform === 'win32' ? [] : ['--nounixsocket']),
    ...(standalone ? [] : ['--replSet', REPLICA_SET]),
  ];
}

function secantusdArguments(dbPath: string, port: number, standalone: boolean): string[] {
  return [
    ...['--storage-path', dbPath, '--port', String(port), '--cache-size', '256M'],
    // Without the first a kill loses acknowledged writes; the second is the size of an empty store.
    ...['--sync-on-commit', '--log-file-max', '16MB'],
    // For fail points.
    '--enable-test-commands',
    ...(standalone ? ['--standalone'] : []),
  ];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return address !== null && typeof address === 'object' ? address.port : 0;
}

/**
 * Ties the server to this process. A shell waits on a pipe that only this process holds open, so
 * it learns of our end even when that is a `kill -9`, and leaves neither server nor data behind.
 */
function guard(server: ChildProcess, directory: string): void {
  if (server.pid === undefined) return;
  const script = 'read -r _; kill -9 "$1"; [ -z "$2" ] || { sleep 1; rm -rf "$2"; }';
  const shell = spawn('sh', ['-c', script, 'sh', String(server.pid), directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Where there is no `sh` nothing watches; a server that is stopped properly needs no watching.
  shell.on('error', () => undefined);
  shell.unref();
  server.once('exit', () => shell.kill('SIGKILL'));
}

async function listeningPort(
  server: ChildProcess,
  logFile: string,
  listening: RegExp,
): Promise<number> {
  const deadline = Date.now() + START_LIMIT;
  for (;;) {
    const log = await readFile(logFile, 'utf8');
    const port = listening.exec(log)?.[1];
    if (port !== undefined) return Number(port);
    const ended =
      server.pid === undefined || server.exitCode !== null || server.signalCode !== null;
    if (ended || Date.now() > deadline) {
      throw new Error(
        `the MongoDB server ${ended ? 'ended' : 'did not start'}: ${log.slice(-2_000)}`,
      );
    }
    await sleep(10);
  }
}

/** Waits until the server takes writes, and returns the address that a program should use. */
async function makeReady(found: MongodBinary, port: number, standalone: boolean): Promise<string> {
  const { MongoClient } = await import('mongodb');
  const address = `mongodb://127.0.0.1:${port}/`;
  const client = new MongoClient(`${address}?directConnection=true`);
  try {
    const admin = client.db('admin');
    if (found.kind === 'mongod' && !standalone) await initiate(client, port);
    const deadline = Date.now() + START_LIMIT;
    for (;;) {
      const hello = await admin.command({ hello: 1 });
      if (hello.isWritablePrimary) {
        // mongod got it on the command line: there its first sleep is short too.
        if (found.kind === SECANTUSD) await hurryTtlMonitor(client);
        return standalone ? address : `${address}?replicaSet=${hello.setName}`;
      }
      if (Date.now() > deadline) throw new Error('the MongoDB server did not become primary');
      await sleep(20);
    }
  } finally {
    await client.close();
  }
}

/**
 * Adds a first user, as a server lets whoever is on its machine:
 * https://www.mongodb.com/docs/manual/core/localhost-exception/
 *
 * @returns the address with which that user signs in
 */
async function addRoot(port: number): Promise<string> {
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`);
  const root = new MongoClient(`mongodb://root:root@127.0.0.1:${port}/`);
  try {
    const createUser = { createUser: 'root', pwd: 'root', roles: ['root'] };
    await client.db('admin').command(createUser);
    await hurryTtlMonitor(root);
    return `mongodb://root:root@127.0.0.1:${port}/`;
  } finally {
    await client.close();
    await root.close();
  }
}

async function initiate(client: MongoClient, port: number): Promise<void> {
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
  try {
    await client.db('admin').command({ replSetInitiate: { _id: REPLICA_SET, members } });
  } catch (error) {
    const { codeName } = error as { codeName?: unknown };
    if (codeName !== 'AlreadyInitialized') throw error; // after a restart it is
  }
}

async function hurryTtlMonitor(client: MongoClient): Promise<void> {
  await client.db('admin').command({ setParameter: 1, ttlMonitorSleepSecs: 1 });
}
