import { quoted } from '../../domain/errors.ts';
import type { OldServer } from './old-server.ts';
import type { RawRecord } from './paging.ts';
import { toUser } from './records.ts';
import type { Report } from './report.ts';
import type { Target } from './target.ts';

/** What an import works with. */
export interface Import {
  source: OldServer;
  target: Target;
  report: Report;
  /** Hears of every step. */
  onStep(step: 'session' | 'other'): void;
}

/** A name for a record in the report. */
export const named = (kind: string, identifier: unknown): string =>
  `${kind} ${typeof identifier === 'string' ? quoted(identifier) : 'without an identifier'}`;

/** Adds a user, unless they are here. */
export async function copyUser({ target, report }: Import, record: RawRecord): Promise<void> {
  const what = named('user', record.user_id);
  const user = toUser(record, Date.now());
  if ('problem' in user) return report.refused(what, user);
  const outcome = await target.addUser(user.record);
  if (outcome === 'present') return report.present('users');
  if (outcome !== 'added') {
    return report.leftOut(
      what,
      `was deleted here at ${outcome.deleted_at}. Restore the user, then run the command again.`,
    );
  }
  report.imported('users');
  for (const problem of user.problems) report.refused(`${what}, imported without a field`, problem);
}
