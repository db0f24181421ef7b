import { setTimeout as delay } from 'node:timers/promises';
import type { McpClient, ToolAnswer } from './clients.ts';
import type { Random } from './random.ts';

/** Longer than a transaction whose client was killed can stand in the way of others. */
const PATIENCE_MS = 90_000;
const PAUSE_AFTER_UNAVAILABLE_MS = 100;

/** How often a caller whose call went unanswered does not ask again. */
const GIVES_UP = 0.2;

/** The server process ended before it answered. */
class Gone extends Error {}

/** A caller has let its last call be: nobody knows whether that happened. */
export class GaveUp extends Error {}

/** A server process under a client, which can be killed and is replaced when it is needed next. */
export class Seat {
  readonly #connect: () => Promise<McpClient>;
  readonly #killed = new WeakSet<McpClient>();
  #client: Promise<McpClient> | undefined;

  constructor(connect: () => Promise<McpClient>) {
    this.#connect = connect;
  }

  /** @throws Gone when the process is killed before it answers */
  async call(tool: string, args: Record<string, unknown>): Promise<ToolAnswer> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    try {
      return await client.callTool(tool, args);
    } catch (error) {
      if (this.#killed.has(client)) throw new Gone();
      throw error;
    }
  }

  /** The end of what the process that sits there wrote to stderr. */
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

/** Repeats what was not acknowledged, as a real client would, and mostly until it is. */
export class Caller {
  readonly random: Random;
  readonly #seat: Seat;
  readonly #statistics: Statistics;

  constructor(seat: Seat, random: Random, statistics: Statistics) {
    this.#seat = seat;
    this.random = random;
    this.#statistics = statistics;
  }

  /**
   * @param accepts error codes that are an answer as good as any
   * @param acceptsAgain those that only a repeated call may meet
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
        const log = await this.#seat.log();
        throw new Error(`${tool} ${JSON.stringify(args)}: ${answer.text}\n${log}`);
      }
      if (this.random.chance(GIVES_UP)) {
        this.#statistics.givenUp++;
        throw new GaveUp();
      }
      if (Date.now() - started > PATIENCE_MS) {
        throw new Error(`${tool} ${JSON.stringify(args)}: no answer in ${PATIENCE_MS} ms`);
      }
      this.#statistics.retried++;
      if (answer !== undefined) await delay(PAUSE_AFTER_UNAVAILABLE_MS);
    }
  }

  async #ask(tool: string, args: Record<string, unknown>): Promise<ToolAnswer | undefined> {
    try {
      return await this.#seat.call(tool, args);
    } catch (error) {
      if (error instanceof Gone) return undefined;
      throw error;
    }
  }
}
