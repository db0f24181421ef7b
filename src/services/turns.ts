/** How long one caller's work may keep all others waiting, in milliseconds. */
const TURN_MS = 10;

/** Lets whatever else is due come first. */
export const letOthers = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Works through a list of what takes time, with others in between. */
export async function mapInTurns<T, R>(list: readonly T[], work: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  let begun = performance.now();
  for (const item of list) {
    results.push(work(item));
    if (performance.now() - begun < TURN_MS) continue;
    await letOthers();
    begun = performance.now();
  }
  return results;
}
