import { withTimeout } from './index.ts';

/**
 * Groups what is to be written to one record. While one group is in flight, what comes meanwhile waits, and
 * the next group is taken from all of it.
 */
export class GroupQueue<T extends { deadline: number }> {
  readonly #queues = new Map<string, T[]>();
  readonly #take: (queue: T[]) => T[];

  /**
   * @param take removes the next group from a queue, which has at least one member. A member's `deadline`
   *   is when its caller stops waiting, in milliseconds since 1970
   */
  constructor(take: (queue: T[]) => T[]) {
    this.#take = take;
  }

  /**
   * @param key names the record
   * @param write settles each of a group, or has it join again; it does not throw
   * @param isFirst whether it goes before those that wait
   */
  async join(
    key: string,
    one: T,
    write: (group: T[]) => Promise<void>,
    isFirst = false,
  ): Promise<void> {
    const waiting = this.#queues.get(key);
    waiting?.splice(isFirst ? 0 : waiting.length, 0, one);
    if (waiting !== undefined) return;
    const queue = [one];
    this.#queues.set(key, queue);
    while (queue.length > 0) {
      const group = this.#take(queue);
      const latest = latestDeadline(group);
      // A server that does not answer holds up nobody for longer: two commands exclude each other.
      await withTimeout(write(group), latest - Date.now(), () => undefined);
    }
    this.#queues.delete(key);
  }
}

/** When the last caller of a group stops waiting. */
export const latestDeadline = (group: readonly { deadline: number }[]): number =>
  Math.max(...group.map(({ deadline }) => deadline));
