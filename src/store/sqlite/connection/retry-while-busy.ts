import { setTimeout as delay } from 'node:timers/promises';
import { isBusy } from './errors.ts';

/** How long a call waits for other processes that write the same file, in milliseconds. */
export const BUSY_TIMEOUT_MS = 4500;

/**
 * Runs `work`, and repeats it while another process has the file locked.
 *
 * @param deadline by `performance.now()`
 * @throws what `work` throws; the engine's error of a busy file after the deadline
 */
export async function retryWhileBusy<T>(
  work: () => T,
  deadline = performance.now() + BUSY_TIMEOUT_MS,
): Promise<T> {
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 8)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
    await delay(pauseMs * (0.5 + Math.random()));
  }
}
