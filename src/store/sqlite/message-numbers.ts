import type { Connection } from './connection/index.ts';

/**
 * Messages are numbered in the order of their times. The search index is kept in the order of these
 * numbers: it yields the newest messages first, and a range of time is a range of numbers.
 *
 * Each millisecond has this many numbers. If they do not suffice, those of the next ones are used.
 */
const NUMBERS_PER_MS = 1024;

/** How far, in milliseconds, messages of one time may reach into the numbers of later times. */
const SLACK_MS = 10_000;

/** Older files numbered their messages from 1 on, whatever their times. */
const UNORDERED_END = 2 ** 32;

const LAST_OF_BLOCK = 'SELECT max(id) FROM messages WHERE id BETWEEN ? AND ?';

const FIRST = 'SELECT min(id) FROM messages';

/** Numbers messages. One of these serves one write. */
export class MessageNumbers {
  readonly #connection: Connection;
  #time = Number.NaN;
  #last = Number.NaN;
  #end = Number.NaN;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * A number that no message has.
   *
   * @param time of the message, in milliseconds since 1970
   */
  next(time: number): number {
    if (time === this.#time && this.#last < this.#end) return ++this.#last;
    this.#time = time;
    for (let first = Math.max(0, time) * NUMBERS_PER_MS; ; first += NUMBERS_PER_MS) {
      this.#end = first + NUMBERS_PER_MS - 1;
      const last = this.#connection.statement(LAST_OF_BLOCK).get(first, this.#end)?.[0];
      this.#last = typeof last === 'number' ? last + 1 : Math.max(1, first);
      if (this.#last <= this.#end) return this.#last;
    }
  }
}

/**
 * The smallest and the largest number that messages of a range of time may have.
 *
 * @param from milliseconds since 1970, like `to`
 */
export function numbersOf(connection: Connection, from: number, to: number) {
  const first = Number(connection.statement(FIRST).get()?.[0] ?? Number.POSITIVE_INFINITY);
  return {
    firstId: first < UNORDERED_END ? 0 : Math.max(0, from) * NUMBERS_PER_MS,
    lastId: Math.min(Number.MAX_SAFE_INTEGER, (Math.max(0, to) + SLACK_MS) * NUMBERS_PER_MS),
  };
}
