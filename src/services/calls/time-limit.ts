import { DomainError } from '../../domain/errors.ts';

/** The caller has cancelled the call and gets no answer. */
export class CallCancelled extends Error {}

/**
 * Waits for work until it exceeds its time limit or the caller cancels it. Abandoned work is not
 * undone: the store completes what it has begun.
 *
 * @param limit in milliseconds, counted from the start or from the last progress
 * @param signal aborts when the caller cancels the call
 * @param begun is called when the work has begun; the function it returns is called when the work
 *   has ended, whether or not it was abandoned
 * @throws DomainError UNAVAILABLE when the time is over; CallCancelled when the signal aborts
 */
export function withinTime<T>(
  limit: number,
  signal: AbortSignal,
  work: (progressed: () => void) => Promise<T>,
  begun: () => (() => void) | undefined = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const working = work(() => timer?.refresh());
    const release = begun();
    const abandon = () => giveUp(new CallCancelled());
    // A call that ends in the event-loop iteration in which it began needs no timer and no
    // listener. These would cost as much as such a call.
    const turn = setImmediate(() => {
      timer = setTimeout(() => giveUp(tooLong(limit)), limit);
      signal.addEventListener('abort', abandon);
      if (signal.aborted) abandon();
    });
    const end = () => {
      clearImmediate(turn);
      if (timer === undefined) return;
      clearTimeout(timer);
      signal.removeEventListener('abort', abandon);
    };
    const giveUp = (reason: Error) => {
      end();
      reject(reason);
    };
    working.then(
      (result) => {
        end();
        release?.();
        resolve(result);
      },
      (error: unknown) => {
        end();
        const rest = unfinishedPart(error);
        if (rest === undefined) release?.();
        else rest.then(release, release);
        reject(error);
      },
    );
  });
}

/** The rest of the work that a store stopped waiting for. */
function unfinishedPart(error: unknown): Promise<unknown> | undefined {
  if (!(error instanceof DomainError)) return undefined;
  return error.unfinished ?? unfinishedPart(error.cause);
}

function tooLong(limit: number): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    `There was no answer within ${limit / 1000} s, and the server no longer waits for it. If the call changes something, that may have happened, or happen still: read what it was to change, then repeat the call if it is not there. Messages that have uuids of your own can be added again safely. If the call only reads, repeat it, or ask for less.`,
  );
}
