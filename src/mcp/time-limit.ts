import { DomainError } from '../domain/errors.ts';

/** A call was taken back by its caller, who hears nothing of it any more. */
export class CallCancelled extends Error {}

/**
 * Waits for work until it has taken too long or the caller no longer wants it. Work that is given up
 * is not undone: a store ends what it began.
 *
 * @param limit in milliseconds, counted from the start or from the last progress
 * @param signal aborts when the caller takes the call back
 * @throws DomainError UNAVAILABLE when the time is over; CallCancelled when the signal aborts
 */
export async function withinTime<T>(
  limit: number,
  signal: AbortSignal,
  work: (progressed: () => void) => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let abandon: (() => void) | undefined;
  const givenUp = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tooLong(limit)), limit);
    abandon = () => reject(new CallCancelled());
    signal.addEventListener('abort', abandon);
    if (signal.aborted) abandon();
  });
  try {
    return await Promise.race([work(() => timer?.refresh()), givenUp]);
  } finally {
    clearTimeout(timer);
    if (abandon !== undefined) signal.removeEventListener('abort', abandon);
  }
}

function tooLong(limit: number): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    `There was no answer within ${limit / 1000} s, and the server no longer waits for it. If the call changes something, that may have happened, or happen still: read what it was to change, then repeat the call if it is not there. Repeating add_memory is safe with uuids of your own. If the call only reads, repeat it, or ask for less.`,
  );
}
