import { vi } from 'vitest';

/** The receiver of a driver's method, as far as it is used here. */
interface Of {
  namespace?: unknown;
  collectionName?: string;
}

/**
 * Runs `work` right after a method of the driver has run on a collection. No test could otherwise hit
 * the time between two commands of one call.
 *
 * @param nth the run of the method after which `work` runs; runs by `work` itself do not count
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
