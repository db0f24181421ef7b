import { setImmediate as endOfTick } from 'node:timers/promises';

/** How many records one command reads: all of them are in memory at the same time. */
const MAX_KEYS = 32;

interface Batch<T> {
  keys: Set<string>;
  found: Promise<ReadonlyMap<string, T>>;
}

/**
 * Lets callers who ask for records of one group within one tick of the event loop share a command, which
 * costs hardly more than reading one record. The answer never comes from a command that was sent before
 * the call.
 *
 * By hand: a DataLoader has one batch for all keys. Groups come with the calls, so that this would take
 * a DataLoader per group, and something to drop those that are not used any more.
 *
 * @param nameOf the name of a group: callers with the same name share a command
 * @param load finds the records of a group by their keys
 */
export function createBatchLoader<G, T>(
  nameOf: (group: G) => string,
  load: (group: G, keys: string[]) => Promise<ReadonlyMap<string, T>>,
): (group: G, key: string) => Promise<T | undefined> {
  const open = new Map<string, Batch<T>>();

  function begin(group: G, name: string): Batch<T> {
    const keys = new Set<string>();
    const found = endOfTick().then(() => {
      if (open.get(name) === batch) open.delete(name);
      return load(group, [...keys]);
    });
    const batch = { keys, found };
    open.set(name, batch);
    return batch;
  }

  return async (group, key) => {
    const name = nameOf(group);
    const current = open.get(name);
    const full = current === undefined || current.keys.size >= MAX_KEYS;
    const batch = full ? begin(group, name) : current;
    batch.keys.add(key);
    return (await batch.found).get(key);
  };
}
