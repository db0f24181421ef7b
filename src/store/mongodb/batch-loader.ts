import { setImmediate as nextTurn } from 'node:timers/promises';

/** How many records one command asks for: all of them are in memory at the same time. */
const MAX_KEYS = 32;

interface Batch<T> {
  keys: Set<string>;
  found: Promise<ReadonlyMap<string, T>>;
}

/**
 * Lets callers who ask for a record in the same turn of the event loop share one command: to the
 * driver and to the server, it costs hardly more than asking for one of them. Nobody is answered from
 * a command that was sent before they asked.
 *
 * @param nameOf what groups have in common whose callers may share a command
 * @param load finds the records of a group by their keys
 */
export function createBatchLoader<G, T>(
  nameOf: (group: G) => string,
  load: (group: G, keys: string[]) => Promise<ReadonlyMap<string, T>>,
): (group: G, key: string) => Promise<T | undefined> {
  const open = new Map<string, Batch<T>>();

  function begin(group: G, name: string): Batch<T> {
    const keys = new Set<string>();
    const found = nextTurn().then(() => {
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
