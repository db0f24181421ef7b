import type { Report } from './report.ts';

/** On a terminal, there is a line at most as often as this, in milliseconds. */
const LINE_EVERY_MS = 1000;

/** Elsewhere, there is a line after so many sessions. */
const LINE_EVERY_SESSIONS = 100;

/**
 * Tells how far an import is.
 *
 * @param write takes one line
 * @param isTerminal whether a person looks on
 * @param now milliseconds
 * @returns a function to be called after each step, which is told whether the step was a session
 */
export function createProgress(
  report: Report,
  write: (line: string) => void,
  isTerminal: boolean,
  now: () => number,
): (step: 'session' | 'other') => void {
  let last = now();
  let sessions = 0;
  return (step) => {
    if (step === 'session') sessions += 1;
    const isDue = isTerminal
      ? now() - last >= LINE_EVERY_MS
      : step === 'session' && sessions % LINE_EVERY_SESSIONS === 0;
    if (!isDue) return;
    last = now();
    write(`${report.soFar()} so far\n`);
  };
}
