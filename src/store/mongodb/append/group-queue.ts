import { jsonBytes } from '../../../domain/metadata.ts';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended, NewMessage } from '../../message-port.ts';
import { withTimeout } from '../connection/index.ts';

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

  /** @param write settles each of a group, or has it join again; it does not throw */
  async join(key: string, one: Waiting, write: (group: Waiting[]) => Promise<void>): Promise<void> {
    const waiting = this.#queues.get(key);
    waiting?.splice(one.alone ? 0 : waiting.length, 0, one);
    if (waiting !== undefined) return;
    const queue = [one];
    this.#queues.set(key, queue);
    while (queue.length > 0) {
      const group = takeGroup(queue);
      const latest = Math.max(...group.map(({ deadline }) => deadline));
      // A server that does not answer holds up nobody for longer: two commands exclude each other.
      await withTimeout(write(group), latest - Date.now(), () => undefined);
    }
    this.#queues.delete(key);
  }
}

/** Takes the next group from a queue: no two of it bring the same uuid. */
function takeGroup(queue: Waiting[]): Waiting[] {
  if (queue.length === 1) return queue.splice(0);
  const group: Waiting[] = [];
  const uuids = new Set<string>();
  let bytes = 0;
  for (const one of queue.splice(0)) {
    const { messages } = one.append;
    bytes += messages.map(bytesOf).reduce((sum, some) => sum + some, 0);
    const isShort = bytes <= GROUP_MAX_BYTES && uuids.size + messages.length <= GROUP_MAX_MESSAGES;
    const isOther = isShort && !messages.some(({ uuid }) => uuids.has(uuid));
    for (const { uuid } of messages) uuids.add(uuid);
    const joins = group.length === 0 || (isOther && !one.alone && !group[0]?.alone);
    (joins ? group : queue).push(one);
  }
  return group;
}

/** About how many bytes a message takes on the way to the server, rather more than less. */
const bytesOf = ({ content, metadata, terms }: NewMessage): number =>
  // UTF-8 takes three for a character of JavaScript, and BSON six times what JSON takes.
  1000 + 3 * content.length + 6 * jsonBytes(metadata) + 64 * terms.length;
