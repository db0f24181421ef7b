import { setTimeout as delay } from 'node:timers/promises';
import { jsonBytes } from '../../../domain/metadata.ts';
import type { Session } from '../../../domain/records.ts';
import type { Append, Appended, WriteResult } from '../../port.ts';

/** How much one command may bring: less than half of the bytes that the server takes in a message. */
const GROUP_MAX_BYTES = 20_000_000;
const GROUP_MAX_MESSAGES = 5000;

/** An append that waits for its turn. */
export interface Waiting {
  append: Append;
  /** When its caller stops waiting, in milliseconds since 1970. */
  deadline: number;
  /** Why an earlier attempt failed, which may have got through. */
  failed?: unknown;
  /** It goes by itself, and first: it has had its turn. */
  alone?: true;
  resolve(result: WriteResult<Appended, Session>): void;
  reject(error: unknown): void;
}

/** While one command to a session is in flight, other appends to it wait; the next takes all of them. */
export class GroupQueue {
  readonly #queues = new Map<string, Waiting[]>();

  /** @param write settles each of a group, or has it join again */
  join(key: string, one: Waiting, write: (group: Waiting[]) => Promise<void>): void {
    const queue = this.#queues.get(key);
    if (queue !== undefined) queue.splice(one.alone ? 0 : queue.length, 0, one);
    else {
      this.#queues.set(key, [one]);
      void this.#drain(key, [one], write);
    }
  }

  async #drain(key: string, queue: Waiting[], write: (group: Waiting[]) => Promise<void>) {
    this.#queues.set(key, queue);
    while (queue.length > 0) {
      const group = takeGroup(queue);
      const written = new AbortController();
      const latest = Math.max(...group.map(({ deadline }) => deadline));
      // A server that does not answer holds up nobody for longer: two commands exclude each other.
      const late = delay(latest - Date.now(), undefined, { signal: written.signal, ref: false });
      await Promise.race([write(group), late.catch(() => undefined)]);
      written.abort();
    }
    this.#queues.delete(key);
  }
}

/** Takes the next group from a queue: no two of it bring the same uuid. */
function takeGroup(queue: Waiting[]): Waiting[] {
  const [first, ...others] = queue.splice(0) as [Waiting, ...Waiting[]];
  const group = [first];
  const uuids = new Set<string>();
  let bytes = 0;
  const fits = ({ append: { messages } }: Waiting) => {
    bytes += bytesOf(messages);
    const isNew = !messages.some(({ uuid }) => uuids.has(uuid));
    for (const { uuid } of messages) uuids.add(uuid);
    return isNew && bytes <= GROUP_MAX_BYTES && uuids.size <= GROUP_MAX_MESSAGES;
  };
  const open = !first.alone && others.length > 0 && fits(first);
  for (const one of others) {
    if (open && !one.alone && fits(one)) group.push(one);
    else queue.push(one);
  }
  return group;
}

/** About how many bytes messages take on the way to the server, rather more than less. */
function bytesOf(messages: Append['messages']): number {
  let bytes = 0;
  for (const { content, metadata, terms } of messages) {
    // UTF-8 takes three for a character of JavaScript, and BSON six times what JSON takes.
    bytes += 1000 + 3 * content.length + 6 * jsonBytes(metadata);
    for (const term of terms) bytes += 16 + 3 * term.length;
  }
  return bytes;
}
