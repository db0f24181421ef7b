import { setTimeout as delay } from 'node:timers/promises';
import { MongoServerSelectionError } from 'mongodb';
import { LEAD_MS } from './client.ts';
import { isTransient } from './errors.ts';

const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 400;

/**
 * Repeats an operation that failed, while the failures are transient: the primary steps down, a server
 * restarts, a connection breaks. The driver's own retries stop after one, which an election outlasts.
 *
 * @param failure what the first attempt threw
 * @param deadline in milliseconds since 1970; no attempt begins in the last second before it
 * @param onTransient receives each transient failure
 * @throws the first failure that is not transient, or the last one before the deadline
 */
export async function retryTransient<T>(
  attempt: () => Promise<T>,
  failure: unknown,
  deadline: number,
  onTransient: (error: unknown) => void,
): Promise<T> {
  let error = failure;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    // Selecting a server takes the driver nearly as long as a call waits.
    const waited = error instanceof MongoServerSelectionError;
    const jitteredMs = pauseMs * (0.5 + Math.random());
    if (waited || !isTransient(error) || Date.now() + jitteredMs > deadline - LEAD_MS) throw error;
    onTransient(error);
    await delay(jitteredMs);
    try {
      return await attempt();
    } catch (next) {
      error = next;
    }
  }
}
