/** As many tasks at once as the machine of CI has processors. */
const LANES = 2;

/** Does all tasks, a few of them at once. */
export async function inLanes<T>(
  tasks: readonly T[],
  work: (task: T, number: number) => Promise<void>,
): Promise<void> {
  const left = [...tasks.entries()];
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [number, task] = next;
        await work(task, number);
      }
    }),
  );
}
