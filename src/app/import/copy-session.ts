import { quoted } from '../../domain/errors.ts';
import type { Session } from '../../domain/records.ts';
import type { NewSession } from '../../services/create-session.ts';
import { isRefusal } from '../../services/errors.ts';
import { copyMessages } from './copy-messages.ts';
import { copyUser, type Import, named } from './copy-users.ts';
import { SourceError } from './error.ts';
import type { SessionEnd } from './old-server.ts';
import type { RawRecord } from './paging.ts';
import { toSession, toSummary } from './records.ts';
import type { Deleted } from './target.ts';

const RESTORE = 'Restore it, then run the command again.';

/** Copies a session with its messages and its summary, as far as they are not here. */
export async function copySession(at: Import, record: RawRecord): Promise<void> {
  const { source, target, report } = at;
  const what = named('session', record.session_id);
  const converted = toSession(record, Date.now());
  if ('problem' in converted) return report.refused(what, converted);
  const { record: wanted, problems } = converted;
  const id = wanted.session_id;
  let session = await target.session(id);
  let isNew = false;
  if (session === undefined) {
    const added = await addSession(at, wanted, what);
    if (added === 'left_out') return;
    isNew = added !== undefined;
    // Where it was not added, somebody else was faster.
    session = added ?? (await target.session(id));
  }
  if (session === undefined || isDeleted(session)) {
    const when = session === undefined ? '' : ` at ${session.deleted_at}`;
    return report.leftOut(what, `was deleted here${when}. ${RESTORE}`);
  }
  if (session.user_id !== wanted.user_id) {
    return report.leftOut(
      what,
      `belongs to ${owner(session)} here, and to ${owner(wanted)} on the old server`,
    );
  }
  if (isNew) {
    report.imported('sessions');
    for (const problem of problems) report.refused(`${what}, imported without a field`, problem);
  } else {
    report.present('sessions');
  }
  const end = await source.end(id).catch((error: unknown) => {
    if (!isTooLong(error)) throw error;
    report.leftOut(`summary of ${what}`, 'the answer with it is too long to be read');
    return NO_END;
  });
  const had = session.message_count;
  if (had > 0 && (await hasAll(at, id, had, end))) {
    report.present('messages', had);
    return copySummary(at, id, what, end);
  }
  const summary = readSummary(end);
  const recent = summary !== undefined && 'recent' in summary ? summary.recent : undefined;
  const copied = await copyMessages(at, { id, what, mayHave: !isNew, recent });
  if (copied.received === 0 && (await source.session(id)) === undefined) {
    return report.leftOut(
      what,
      'the old server lists it, but does not find it under its identifier, so that its messages cannot be read',
    );
  }
  const own = had - copied.found;
  if (own > 0 && copied.added > 0) {
    report.note(
      `${what} had ${own} messages of its own here: ${copied.added} of the old server's were appended behind them`,
    );
  }
  await copySummary(at, id, what, end, copied.summarizedSeq);
}

/** Adds a session, and its user first if the list of users did not have them yet. */
async function addSession(
  at: Import,
  session: NewSession,
  what: string,
): Promise<Session | Deleted | undefined | 'left_out'> {
  const { source, target, report } = at;
  for (let attempt = 1; ; attempt++) {
    try {
      return await target.addSession(session);
    } catch (error) {
      if (!isRefusal(error, 'user_not_found')) throw error;
      const { fact } = error;
      const user = fact.deletion === undefined ? await source.user(fact.user_id) : undefined;
      if (user !== undefined && attempt === 1) {
        await copyUser(at, user);
        continue;
      }
      const why =
        fact.deletion === undefined
          ? 'is not on the old server'
          : `was deleted here at ${fact.deletion.deleted_at}`;
      report.leftOut(what, `its user ${quoted(fact.user_id)} ${why}`);
      return 'left_out';
    }
  }
}

/** Whether all messages of a session are here: so many, with the same last one. */
async function hasAll(
  { source, target }: Import,
  id: string,
  count: number,
  { last }: SessionEnd,
): Promise<boolean> {
  if ((await target.lastMessage(id)) !== String(last).toLowerCase()) return false;
  const there = await source.countMessages(id).catch((error: unknown) => {
    if (!isTooLong(error)) throw error;
  });
  return there === count;
}

const NO_END: SessionEnd = { last: undefined, summary: undefined };

const isTooLong = (error: unknown) => error instanceof SourceError && error.problem === 'too_long';

const readSummary = ({ summary }: SessionEnd) =>
  summary === undefined ? undefined : toSummary(summary, Date.now());

/**
 * Gives a session the summary that the old server has.
 *
 * @param seq the last message that it covers, if that is known already
 */
async function copySummary(
  { target, report }: Import,
  id: string,
  session: string,
  end: SessionEnd,
  seq?: number,
): Promise<void> {
  const summary = readSummary(end);
  if (summary === undefined) return;
  const what = `summary of ${session}`;
  if ('problem' in summary) return report.refused(what, summary);
  const found = seq ?? (await seqOf(target.message(id, summary.recent)));
  if (found === undefined) {
    return report.leftOut(what, 'the message that it reaches to is not among those of the session');
  }
  const outcome = await target.summarize(id, summary, found);
  if (outcome === 'added') report.imported('summaries');
  else if (outcome === 'present') report.present('summaries');
  else report.note(`${what}: the session has another one here, which stays`);
}

async function seqOf(finding: Promise<object | undefined>): Promise<number | undefined> {
  const found = await finding;
  return found !== undefined && 'seq' in found ? (found.seq as number) : undefined;
}

const isDeleted = (session: Session | Deleted): session is Deleted => !('session_id' in session);

const owner = ({ user_id }: { user_id?: string | undefined }): string =>
  user_id === undefined ? 'no user' : `user ${quoted(user_id)}`;
