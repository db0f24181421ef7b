import { DomainError } from '../../domain/errors.ts';
import { forEachConcurrently } from './concurrent.ts';
import { copySession } from './copy-session.ts';
import { copyUser, type Import, named } from './copy-users.ts';
import { SourceError } from './error.ts';

/** How many users or sessions are copied at once. */
export const CONCURRENCY = 4;

/** After so many sessions one after the other that the old server fails to read, it is given up. */
const FAILURES_MAX = 5;

/**
 * Copies all users, sessions, messages and summaries of an old server that are not here. What cannot be
 * copied is left out, and is in the report. Done again, it changes nothing.
 *
 * @throws SourceError when the old server does not answer any more; DomainError UNAVAILABLE or INTERNAL when
 *   the store fails; the signal's reason when it aborts
 */
export async function importAll(at: Import, signal: AbortSignal): Promise<void> {
  const { source, report, onStep } = at;
  for await (const page of source.users(events(at, 'users'))) {
    await forEachConcurrently(page, CONCURRENCY, async (user) => {
      signal.throwIfAborted();
      await copyUser(at, user);
      onStep('other');
    });
  }
  let failures = 0;
  for await (const page of source.sessions(events(at, 'sessions'))) {
    await forEachConcurrently(page, CONCURRENCY, async (session) => {
      signal.throwIfAborted();
      try {
        await copySession(at, session);
        failures = 0;
      } catch (error) {
        failures += error instanceof SourceError && error.problem === 'failing' ? 1 : 0;
        if (failures === FAILURES_MAX || !concernsOne(error)) throw error;
        report.leftOut(named('session', session.session_id), error.message);
      }
      onStep('session');
    });
  }
}

/** Whether an error says something about one session only. */
function concernsOne(error: unknown): error is Error {
  if (error instanceof SourceError) {
    return ['not_found', 'refused', 'foreign'].includes(error.problem) || error.status === 500;
  }
  return error instanceof DomainError && !error.retryable && error.code !== 'INTERNAL';
}

/** What a list of users or sessions may lack. */
const events = ({ report }: Import, kind: 'users' | 'sessions') => ({
  onTooLong: (place: number) =>
    report.leftOut(`number ${place} of the ${kind}`, 'the answer with it is too long to be read'),
  onMissing: (received: number, total: number) =>
    report.leftOut(
      `some ${kind}`,
      `the old server says that it has ${total}, and listed ${received}`,
      total - received,
    ),
});
