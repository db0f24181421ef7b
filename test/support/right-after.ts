import { vi } from 'vitest';

/** What a method of the driver belongs to, as far as it is of interest here. */
interface Of {
  namespace?: unknown;
  collectionName?: string;
}

/**
 * Has `work` done right after a method of the driver was done on a collection: the time between two
 * commands of one call is too short to be met otherwise.
 *
 * @param nth of how many times that it is done; what `work` itself does is not counted
 */
export function rightAfter<K extends string>(
  driver: Record<K, (...values: never[]) => Promise<unknown>>,
  method: K,
  collection: string,
  work: () => Promise<unknown>,
  nth = 1,
): void {
  const original = driver[method] as (...values: unknown[]) => Promise<unknown>;
  let times = 0;
  const replaced = async function (this: Of, ...values: unknown[]) {
    const result = await original.apply(this, values);
    const name = this.collectionName ?? String(this.namespace).split('.')[1];
    if (name === collection && ++times === nth) await work();
    return result;
  };
  vi.spyOn(driver as Record<string, typeof replaced>, method).mockImplementation(replaced);
}
