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

/** The server as it is installed: what `npm run build` made. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** What a program needs in order to run at all; no setting of ours is among them. */
const INHERITED = ['PATH', 'TMPDIR', 'TEMP', 'SystemRoot'];

export type TransportKind = 'stdio' | 'Streamable HTTP' | 'HTTP+SSE';
export const TRANSPORTS: readonly TransportKind[] = ['stdio', 'Streamable HTTP', 'HTTP+SSE'];

export interface ServerOptions {
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Runs it as another user, which takes root. */
  uid?: number;
  /** A command that runs it in its own process, such as strace with its arguments. */
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
  /** Settles once the process is gone and all that it wrote has been read. */
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Waits until what it writes to stderr matches; fails if it ends without. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  /** Reads no more of what it writes to stderr: the pipe breaks. */
  closeLog(): void;
  /** Hears of every line on stdout from now on. */
  onLine(listener: (line: string) => void): void;
}

/** What clients connect to: a process to spawn, or the address of one that runs. */
export interface Endpoint {
  /** @param token what the client signs in with, over HTTP */
  connect(kind: ClientKind, token?: string): Promise<McpClient>;
  /** Ends the server if it outlives its clients. */
  stop(): Promise<void>;
}

/**
 * A temporary folder and the servers that live in it. They see no setting of the machine's, and
 * restarting one finds the data of the one before.
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

  /** Starts a server with pipes of ours on all three streams. */
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
   * Starts a server on a free port and waits until it listens. Tests call as fast as they can, which
   * is none of their business unless they are about just that.
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

  /** Starts an HTTP server that has an operations port, too. */
  async spawnObserved(
    options: ServerOptions = {},
  ): Promise<ServerProcess & { url: string; opsUrl: string }> {
    const args = ['--ops-port=0', ...(options.args ?? [])];
    const started = await this.spawnHttp({ ...options, args });
    const [, opsUrl] = await started.logged(/^ {2}(http:\S+) +\/healthz/m);
    return { ...started, opsUrl: opsUrl as string };
  }

  /** A way in by one of the transports: on stdio every client gets a process of its own. */
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
      connect: (kind, token) => this.connect(kind, { ...address, token }),
      stop: async () => void (await kill('SIGTERM')),
    };
  }

  /** A client on stdio, in a server process of its own. */
  async connectStdio(kind: ClientKind, options: ServerOptions = {}): Promise<McpClient> {
    return (await this.serve('stdio', options)).connect(kind);
  }

  /** Ends what still runs and removes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close().catch(() => undefined)));
    await Promise.all([...this.#running].map((server) => server.kill('SIGKILL')));
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A client of a server that runs already. */
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
  // A server that has ended no longer reads; the test sees that in its answers.
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
