import { setTimeout as delay } from 'node:timers/promises';
import type { McpClient, ToolAnswer } from './clients.ts';
import type { Random } from './random.ts';

/** Longer than the transaction of a killed client can block others. */
const TIMEOUT_MS = 90_000;
const PAUSE_AFTER_UNAVAILABLE_MS = 100;

/** The probability that a caller does not repeat an unanswered call. */
const GIVES_UP = 0.2;

/** The server process ended before it answered. */
class ServerKilled extends Error {}

/** A caller did not repeat an unanswered call. Its outcome is unknown. */
export class GaveUp extends Error {}

/** A client with its own server process. After the process is killed, the next call starts another. */
export class ReconnectingClient {
  readonly #connect: () => Promise<McpClient>;
  readonly #killed = new WeakSet<McpClient>();
  #client: Promise<McpClient> | undefined;

  constructor(connect: () => Promise<McpClient>) {
    this.#connect = connect;
  }

  /** @throws ServerKilled when the process is killed before it answers */
  async call(tool: string, args: Record<string, unknown>): Promise<ToolAnswer> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    try {
      return await client.callTool(tool, args);
    } catch (error) {
      if (this.#killed.has(client)) throw new ServerKilled();
      throw error;
    }
  }

  /** The last 2,000 characters that the process wrote to stderr. */
  async log(): Promise<string> {
    return (await this.#client)?.stderr().slice(-2000) ?? '';
  }

  /** @returns whether there was a process to kill */
  async kill(): Promise<boolean> {
    const client = await this.#client;
    if (client === undefined || this.#killed.has(client)) return false;
    this.#client = undefined;
    this.#killed.add(client);
    process.kill(client.pid as number, 'SIGKILL');
    await client.closed;
    return true;
  }

  async close(): Promise<void> {
    await (await this.#client)?.close();
  }
}

export interface Statistics {
  acknowledged: number;
  retried: number;
  givenUp: number;
  /** The longest time from a call to its acknowledgement, retries included. */
  longestMs: number;
}

export interface Acknowledged {
  answer: ToolAnswer;
  /** How often the call was made until it was answered. */
  attempts: number;
}

/** Repeats unacknowledged calls, as a real client would, mostly until they are acknowledged. */
export class Caller {
  readonly random: Random;
  readonly #client: ReconnectingClient;
  readonly #statistics: Statistics;

  constructor(client: ReconnectingClient, random: Random, statistics: Statistics) {
    this.#client = client;
    this.random = random;
    this.#statistics = statistics;
  }

  /**
   * @param accepts error codes that count as an answer
   * @param acceptsAgain error codes that count as an answer of a repeated call only
   * @throws GaveUp
   */
  async call(
    tool: string,
    args: Record<string, unknown>,
    accepts: readonly string[] = [],
    acceptsAgain: readonly string[] = [],
  ): Promise<Acknowledged> {
    const started = Date.now();
    for (let attempts = 1; ; attempts++) {
      const answer = await this.#ask(tool, args);
      const code = answer?.isError ? answer.content.error.code : undefined;
      const good = [undefined, ...accepts, ...(attempts > 1 ? acceptsAgain : [])].includes(code);
      if (answer !== undefined && good) {
        this.#statistics.acknowledged++;
        const took = Date.now() - started;
        this.#statistics.longestMs = Math.max(this.#statistics.longestMs, took);
        return { answer, attempts };
      }
      if (answer !== undefined && code !== 'UNAVAILABLE') {
        const log = await this.#client.log();
        throw new Error(`${tool} ${JSON.stringify(args)}: ${answer.text}\n${log}`);
      }
      if (this.random.chance(GIVES_UP)) {
        this.#statistics.givenUp++;
        throw new GaveUp();
      }
      if (Date.now() - started > TIMEOUT_MS) {
        throw new Error(`${tool} ${JSON.stringify(args)}: no answer in ${TIMEOUT_MS} ms`);
      }
      this.#statistics.retried++;
      if (answer !== undefined) await delay(PAUSE_AFTER_UNAVAILABLE_MS);
    }
  }

  async #ask(tool: string, args: Record<string, unknown>): Promise<ToolAnswer | undefined> {
    try {
      return await this.#client.call(tool, args);
    } catch (error) {
      if (error instanceof ServerKilled) return undefined;
      throw error;
    }
  }
}
