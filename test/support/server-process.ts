import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  type ClientKind,
  connectV1,
  connectV2,
  type McpClient,
  type ServerAddress,
} from './clients.ts';
import { send } from './raw-http.ts';

/** The server as it is installed, from `npm run build`. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The variables that any program needs. None is a setting of the server. */
const INHERITED = ['PATH', 'TMPDIR', 'TEMP', 'SystemRoot'];

export type TransportKind = 'stdio' | 'Streamable HTTP' | 'HTTP+SSE';
export const TRANSPORTS: readonly TransportKind[] = ['stdio', 'Streamable HTTP', 'HTTP+SSE'];

export interface ServerOptions {
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Runs the server as another user. Needs root. */
  uid?: number;
  /** A command that runs the server in its own process, such as strace with its arguments. */
  under?: readonly string[];
}

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running server, seen from outside. */
export interface ServerProcess {
  readonly pid: number;
  readonly stdin: Writable;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Settles once the process has ended and its output has been read. */
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Waits until stderr matches. Rejects if the process ends before. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  /** Closes the pipe that the process writes stderr to. */
  closeLog(): void;
  /** Is called with every line on stdout from now on. */
  onLine(listener: (line: string) => void): void;
}

/** A server with an operations port. */
export interface ObservedServer extends ServerProcess {
  url: string;
  opsUrl: string;
  /** What it has counted, as text. */
  metrics(): Promise<string>;
  /** One of these numbers; 0 before anything was counted. */
  metric(name: string): Promise<number>;
}

/** A server that clients connect to: a process to spawn, or the address of a running one. */
export interface Endpoint {
  /** @param token the bearer token of the client, over HTTP */
  connect(kind: ClientKind, token?: string): Promise<McpClient>;
  /** Where it listens, over HTTP. */
  url?: string;
  /** Ends the server if it outlives its clients. */
  stop(): Promise<void>;
}

/**
 * A temporary folder and the servers that keep their data in it. They see no setting of the machine. A
 * restarted server finds the data of the one before.
 */
export class Servers {
  readonly directory: string;
  readonly #running = new Set<ServerProcess>();
  readonly #clients = new Set<McpClient>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<Servers> {
    return new Servers(await mkdtemp(join(tmpdir(), 'mcp-sessions-e2e-')));
  }

  /** The whole environment of a server. */
  env(settings: Readonly<Record<string, string>> = {}): Record<string, string> {
    const inherited = INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    });
    const { directory } = this;
    return {
      ...Object.fromEntries(inherited),
      HOME: directory,
      XDG_DATA_HOME: directory,
      LOCALAPPDATA: directory,
      ...settings,
    };
  }

  /** Starts a server with pipes on all three streams. */
  spawn(options: ServerOptions = {}): ServerProcess {
    const { args = [], env, uid, under = [] } = options;
    const [command, ...rest] = [...under, process.execPath, MAIN, ...args] as [string, ...string[]];
    const child = spawn(command, rest, {
      env: this.env(env),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(uid !== undefined && { uid }),
    });
    const started = watch(child);
    this.#running.add(started);
    void started.exited.then(() => this.#running.delete(started));
    return started;
  }

  /**
   * Starts a server on a free port and waits until it listens. The rate limit is raised: tests call as
   * fast as they can.
   */
  async spawnHttp(options: ServerOptions = {}): Promise<ServerProcess & { url: string }> {
    const started = this.spawn({
      ...options,
      args: ['--http', '--port=0', ...(options.args ?? [])],
      env: { CALLS_PER_SECOND: '1000000', ...options.env },
    });
    const [, url] = await started.logged(/^ {2}(http:\S+)\/mcp /m);
    return { ...started, url: url as string };
  }

  /** Starts an HTTP server with an operations port. */
  async spawnObserved(options: ServerOptions = {}): Promise<ObservedServer> {
    const args = ['--ops-port=0', ...(options.args ?? [])];
    const started = await this.spawnHttp({ ...options, args });
    const [, opsUrl] = await started.logged(/^ {2}(http:\S+) +\/healthz/m);
    const metrics = async () => (await send(`${opsUrl}/metrics`)).body;
    return {
      ...started,
      opsUrl: opsUrl as string,
      metrics,
      async metric(name) {
        const line = (await metrics()).split('\n').find((text) => text.startsWith(`${name} `));
        return Number(line?.slice(name.length + 1) ?? 0);
      },
    };
  }

  /** An endpoint of one of the transports. On stdio every client gets its own process. */
  async serve(transport: TransportKind, options: ServerOptions = {}): Promise<Endpoint> {
    if (transport === 'stdio') {
      const { args = [], env } = options;
      const server = { command: process.execPath, args: [MAIN, ...args], env: this.env(env) };
      return { connect: (kind) => this.connect(kind, { server }), stop: async () => {} };
    }
    const { url, kill } = await this.spawnHttp(options);
    const address: ServerAddress =
      transport === 'HTTP+SSE' ? { sse: new URL('/sse', url) } : { http: new URL('/mcp', url) };
    return {
      url,
      connect: (kind, token) => this.connect(kind, { ...address, token }),
      stop: async () => void (await kill('SIGTERM')),
    };
  }

  /** A client on stdio, with its own server process. */
  async connectStdio(kind: ClientKind, options: ServerOptions = {}): Promise<McpClient> {
    return (await this.serve('stdio', options)).connect(kind);
  }

  /** Stops all clients and servers and removes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close().catch(() => undefined)));
    await Promise.all([...this.#running].map((server) => server.kill('SIGKILL')));
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A client of a running server. */
  async connect(kind: ClientKind, address: ServerAddress): Promise<McpClient> {
    const client = await (kind === 'v1' ? connectV1(address) : connectV2(address, kind));
    this.#clients.add(client);
    return client;
  }
}

function watch(child: ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable }) {
  let stdout = '';
  let stderr = '';
  const exited = once(child, 'close').then(([code, signal]): Exit => ({ code, signal }));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A server that has ended does not read. The test sees that in the answers.
  child.stdin.on('error', () => undefined);
  const started: ServerProcess = {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    stdout: () => stdout,
    stderr: () => stderr,
    closeLog: () => void child.stderr.destroy(),
    exited,
    kill(signal) {
      child.kill(signal);
      return exited;
    },
    signal: (signal) => void child.kill(signal),
    logged: (pattern) =>
      new Promise((resolve, reject) => {
        const search = () => {
          const found = pattern.exec(stderr);
          if (found === null) return;
          child.stderr.off('data', search);
          resolve(found);
        };
        child.stderr.on('data', search);
        void exited.then(() => reject(new Error(`ended without ${pattern}: ${stderr}`)));
        search();
      }),
    onLine: (listener) => void createInterface({ input: child.stdout }).on('line', listener),
  };
  return started;
}
