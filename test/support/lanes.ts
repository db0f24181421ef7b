/** The number of tasks at once: the CI machine has two processors. */
const LANES = 2;

/** Runs all tasks, `LANES` of them at once. */
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
