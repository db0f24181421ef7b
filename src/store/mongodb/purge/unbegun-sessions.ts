import type { Db } from 'mongodb';
import { messagesOf, sessionsOf } from '../documents.ts';

/** How far back the first look of a process goes, and how old a session is before it is looked at. */
const FIRST_LOOK_BACK_MS = 86_400_000;
const MIN_AGE_MS = 600_000;

/** How many messages one command looks at. */
const BATCH = 5000;

/** How long one call goes on, in milliseconds. */
const BUDGET_MS = 1000;

/** The last look of this process, as the `_id` of a message. */
export interface Progress {
  after?: string;
}

/**
 * Removes messages whose session was never inserted: whoever began it was killed before that, and no
 * other append comes by, since its uuid is in no session. That uuid tells the time, so that the `_id`s of
 * the messages of new sessions come in the order of time, and only those since the last look are read.
 *
 * @returns how many were removed
 */
export async function removeUnbegun(db: Db, progress: Progress): Promise<number> {
  const started = Date.now();
  // By the minute: the steps of one sweep do not all look again.
  const until = idAt(Math.floor(started / 60_000) * 60_000 - MIN_AGE_MS);
  let after = progress.after ?? idAt(started - FIRST_LOOK_BACK_MS);
  let removed = 0;
  while (after < until && Date.now() - started < BUDGET_MS) {
    const found = await messagesOf(db)
      .find({ _id: { $gte: after, $lt: until } }, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(BATCH)
      .toArray();
    const begun = await findBegun(db, [...new Set(found.map(({ _id }) => sessionOf(_id)))]);
    const missing = found.filter(({ _id }) => !begun.has(sessionOf(_id))).map(({ _id }) => _id);
    if (missing.length > 0) {
      removed += (await messagesOf(db).deleteMany({ _id: { $in: missing } })).deletedCount;
    }
    const last = found.at(-1)?._id;
    // Nothing more to look at in a session that is there; the rest of one that is not comes next.
    if (found.length < BATCH || last === undefined) after = until;
    else after = begun.has(sessionOf(last)) ? behind(sessionOf(last)) : last;
    progress.after = after;
  }
  return removed;
}

/** Those of the sessions that are there. */
async function findBegun(db: Db, uuids: string[]): Promise<Set<string>> {
  if (uuids.length === 0) return new Set();
  const options = { projection: { _id: 1 } } as const;
  const found = await sessionsOf(db)
    .find({ _id: { $in: uuids } }, options)
    .toArray();
  return new Set(found.map(({ _id }) => _id));
}

const sessionOf = (messageId: string) => messageId.split('@', 1)[0] as string;

/** What comes right behind the messages of a session: `A` is next to `@`. */
const behind = (sessionUuid: string) => `${sessionUuid}A`;

/** What the `_id`s of messages start with whose session has a UUID version 7 of a time. */
function idAt(time: number): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
