import type { Readable, Writable } from 'node:stream';
import type { JSONRPCMessage, RequestId, Transport } from '@modelcontextprotocol/server';
import { readBatch } from '../batch.ts';
import {
  type ErrorResponse,
  invalidRequest,
  isError,
  isRequest,
  parseError,
  readMessage,
} from '../json-rpc.ts';
import { escapeLineSeparators } from '../line-separators.ts';
import { whenRead } from './back-pressure.ts';

const BYTE_ORDER_MARK = '\uFEFF';

/** A batch whose requests are being answered. */
interface OpenBatch {
  /** The ids of the requests that have no response yet. */
  waiting: Set<RequestId>;
  responses: (JSONRPCMessage | ErrorResponse)[];
}

/**
 * JSON-RPC over lines. The SDK's own transport drops what it cannot parse without an answer, and
 * knows no batches.
 */
export class StdioWire implements Transport {
  onmessage: Transport['onmessage'];
  onerror: Transport['onerror'];
  onclose: Transport['onclose'];
  readonly #lines: Readable;
  readonly #output: Writable;
  readonly #batchMax: number;
  /** The open batches, by the ids of the requests that they wait for. */
  readonly #batches = new Map<RequestId, OpenBatch>();
  #version: string | undefined;
  #initializing: RequestId | undefined;
  #messageBytes = 0;
  #closed = false;

  /**
   * @param lines emits whole lines, one in each chunk
   * @param batchMax the most messages in a batch
   */
  constructor(lines: Readable, output: Writable, batchMax: number) {
    this.#lines = lines;
    this.#output = output;
    this.#batchMax = batchMax;
  }

  /** The length of the message that is being delivered, in bytes. */
  readonly messageBytes = (): number => this.#messageBytes;

  async start(): Promise<void> {
    this.#lines.on('data', (line: Buffer) => this.#closed || this.#receive(line));
    for (const event of ['end', 'close']) this.#lines.on(event, () => void this.close());
    for (const stream of [this.#lines, this.#output]) {
      stream.on('error', (error) => {
        this.onerror?.(error);
        void this.close();
      });
    }
  }

  /** Is called with the protocol version that was agreed on. */
  readonly setProtocolVersion = (version: string): void => {
    this.#version = version;
  };

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) throw new Error('The connection is closed.');
    if ('method' in message || message.id === undefined) return this.#write(message);
    const { id } = message;
    if (id === this.#initializing) {
      this.#initializing = undefined;
      this.#lines.resume();
    }
    const batch = this.#batches.get(id);
    if (batch === undefined) return this.#write(message);
    batch.responses.push(message);
    return this.#settle(id);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose?.();
  }

  #receive(line: Buffer): void {
    const text = textOf(line);
    if (text.trim() === '') return;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      this.reply(parseError('The line is not valid JSON. Send each message on one line.'));
      return;
    }
    if (Array.isArray(json)) {
      this.#receiveBatch(json, line.length);
      return;
    }
    const read = readMessage(json);
    if ('message' in read) this.#deliver(read.message, line.length);
    else if (!isError(json)) this.reply(read.invalid);
  }

  #receiveBatch(json: readonly unknown[], bytes: number): void {
    const isOpen = (id: RequestId) => this.#batches.has(id);
    const read = readBatch(json, this.#version, this.#batchMax, isOpen);
    if ('refusal' in read) {
      this.reply(invalidRequest(read.refusal));
      return;
    }
    const messages = read.batch.flatMap((member) => ('message' in member ? [member.message] : []));
    const invalid = read.batch.flatMap((member) => ('invalid' in member ? [member.invalid] : []));
    const waiting = new Set(messages.filter(isRequest).map(({ id }) => id));
    const batch: OpenBatch = { waiting, responses: invalid };
    for (const id of waiting) this.#batches.set(id, batch);
    if (waiting.size === 0 && invalid.length > 0) this.reply(invalid);
    for (const message of messages) this.#deliver(message, bytes / json.length);
  }

  #deliver(message: JSONRPCMessage, bytes: number): void {
    // Whether batches are served is known once this is answered.
    if (isRequest(message) && message.method === 'initialize') {
      this.#initializing = message.id;
      this.#lines.pause();
    }
    this.#messageBytes = bytes;
    this.onmessage?.(message);
    if ('method' in message && message.method === 'notifications/cancelled') {
      // What is cancelled is not answered any more.
      this.#settle(message.params?.requestId as RequestId).catch(() => undefined);
    }
  }

  /** Ends the wait for one response of a batch. The last one lets the whole batch go. */
  async #settle(id: RequestId): Promise<void> {
    const batch = this.#batches.get(id);
    this.#batches.delete(id);
    batch?.waiting.delete(id);
    if (batch === undefined || batch.waiting.size > 0 || batch.responses.length === 0) return;
    return this.#write(batch.responses);
  }

  /** Answers what was not delivered. */
  reply(response: ErrorResponse | ErrorResponse[]): void {
    void this.#write(response);
  }

  async #write(json: object): Promise<void> {
    this.#output.write(`${escapeLineSeparators(JSON.stringify(json))}\n`);
    await whenRead(this.#output);
  }
}

/** The text of a line. Some hosts begin their output with a byte order mark. */
function textOf(line: Buffer): string {
  const text = line.toString('utf8');
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}
