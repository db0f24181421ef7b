import { MODERN, type ToolAnswer, toAnswer } from './clients.ts';
import type { ServerProcess } from './server-process.ts';

/** One JSON-RPC message from the server. */
export interface Frame {
  id?: string | number | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  result?: any;
  error?: { code: number; message: string; data?: unknown };
}

/** How clients of the older protocol era open a connection. */
export const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'raw', version: '1' },
};

/** The metadata that every request of the modern era carries. */
export const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A client that sends any text, valid or not, and sees every byte of the answers. */
export class RawStdio {
  readonly server: ServerProcess;
  #id = 0;
  readonly #frames: Frame[] = [];
  readonly #lines: unknown[] = [];
  readonly #invalidLines: string[] = [];
  readonly #waiting = new Map<unknown, (frame: Frame) => void>();

  constructor(server: ServerProcess) {
    this.server = server;
    server.onLine((line) => this.#read(line));
  }

  /** All messages that the server sent. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** Every line on stdout that is JSON, parsed. The answers of a batch are one line. */
  get lines(): readonly unknown[] {
    return this.#lines;
  }

  /** Lines on stdout that are not MCP. */
  get invalidLines(): readonly string[] {
    return this.#invalidLines;
  }

  /** Opens the connection as clients of the older protocol era do. */
  async initialize(protocolVersion = INITIALIZE.protocolVersion): Promise<Frame> {
    const answer = await this.request('initialize', { ...INITIALIZE, protocolVersion });
    this.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return answer;
  }

  /** Sends a line, which may be invalid. */
  write(line: string): void {
    this.server.stdin.write(`${line}\n`);
  }

  send(message: object): void {
    this.write(JSON.stringify(message));
  }

  request(method: string, params?: unknown): Promise<Frame> {
    const id = ++this.#id;
    const answer = this.answer(id);
    this.send({ jsonrpc: '2.0', id, method, params });
    return answer;
  }

  /** Calls a tool and returns its result. */
  async call(name: string, args: unknown) {
    return (await this.request('tools/call', { name, arguments: args })).result;
  }

  /** Calls a tool as the clients of an SDK do. */
  async callTool(name: string, args: Record<string, unknown> = {}): Promise<ToolAnswer> {
    return toAnswer(await this.call(name, args));
  }

  /** The message with this id, or the end of the process as an error. */
  answer(id: unknown): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      void this.server.exited.then((exit) =>
        reject(
          new Error(`ended with ${exit.code ?? exit.signal} before it answered ${String(id)}`),
        ),
      );
    });
  }

  #read(line: string): void {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      this.#invalidLines.push(line);
      return;
    }
    this.#lines.push(json);
    for (const frame of (Array.isArray(json) ? json : [json]) as (Frame & { jsonrpc?: string })[]) {
      if (frame?.jsonrpc !== '2.0') this.#invalidLines.push(line);
      this.#frames.push(frame);
      this.#waiting.get(frame.id)?.(frame);
      this.#waiting.delete(frame.id);
    }
  }
}
