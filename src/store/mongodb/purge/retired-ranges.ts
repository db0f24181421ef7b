import type { Document } from 'mongodb';
import { timestamp } from '../../../domain/times.ts';
import type { RetiredRange } from '../../message-port.ts';
import type { Restored } from '../../port.ts';
import type { RetiredRangeDocument, SessionDocument } from '../documents.ts';
import { toSession } from '../records.ts';

/**
 * How many retired ranges a session may have. Each may have a summary of 16 KB, and the document has to
 * stay small. When there are more, the two oldest are merged, and kept as long as the later of them.
 */
const MAX_RETIRED_RANGES = 50;

/**
 * A field of a document that is given by an expression. Servers differ in what a path through an array
 * means, so that this does not use one.
 */
function fieldOf(document: Document, field: string): Document {
  return { $let: { vars: { document }, in: `$$document.${field}` } };
}

/**
 * The first message of a session that is live or can still be put back, as an expression on the session.
 * Messages below it belong to the purge. It never decreases: retired ranges lie below the live messages
 * without a gap, and the oldest are given up first.
 */
export const FIRST_KEPT_SEQ = {
  $ifNull: [fieldOf({ $first: '$retired' }, 'first_seq'), '$first_seq'],
};

/** The same for a session that was read. */
export const firstKeptSeq = ({ first_seq, retired }: SessionDocument): number =>
  retired?.[0]?.first_seq ?? first_seq;

/**
 * The retired ranges of a session after it is revived, as an expression on the soft-deleted session: its
 * messages become one more range.
 */
export function retiredOnRevival(): Document {
  const range = {
    first_seq: '$first_seq',
    last_seq: '$last_seq',
    // Not earlier than that of an older range, even if a clock was set back.
    deleted_at: { $max: ['$deleted_at', fieldOf({ $last: '$retired' }, 'deleted_at')] },
    summary: '$summary',
    deleted_count: '$deleted_count',
  };
  const before = { $ifNull: ['$retired', []] };
  const [oldest, next] = [0, 1].map((index) => ({ $arrayElemAt: ['$$all', index] }));
  const merged = {
    $let: {
      vars: { oldest, next },
      in: {
        first_seq: '$$oldest.first_seq',
        last_seq: '$$next.last_seq',
        deleted_at: '$$next.deleted_at',
        summary: { $ifNull: ['$$next.summary', '$$oldest.summary'] },
        deleted_count: sumOf(['$$oldest.deleted_count', '$$next.deleted_count']),
      },
    },
  };
  const fewer = { $concatArrays: [[merged], { $slice: ['$$all', 2, MAX_RETIRED_RANGES] }] };
  const bounded = {
    $let: {
      vars: { all: { $concatArrays: [before, [range]] } },
      in: { $cond: [{ $gt: [{ $size: '$$all' }, MAX_RETIRED_RANGES] }, fewer, '$$all'] },
    },
  };
  const hasMessages = { $gte: ['$last_seq', '$first_seq'] };
  return { $cond: [hasMessages, bounded, { $ifNull: ['$retired', '$$REMOVE'] }] };
}

/** A sum of counts, some of which may be missing. */
const sumOf = (counts: unknown[]): Document => ({
  $add: counts.map((count) => ({ $ifNull: [count, 0] })),
});

/**
 * An update that undoes the deletion of a soft-deleted session, or puts the retired ranges of a live
 * session back. The filter has to exclude a live session without any.
 */
export function restoration(): Document[] {
  const unlessLive = (field: string) => ({
    $cond: ['$live', '$$REMOVE', { $ifNull: [`$${field}`, '$$REMOVE'] }],
  });
  // The summary of the newest range that has one.
  const summarized = {
    $filter: { input: '$retired', cond: { $eq: [{ $type: '$$this.summary' }, 'object'] } },
  };
  const each = {
    input: { $ifNull: ['$retired', []] },
    in: { $ifNull: ['$$this.deleted_count', 0] },
  };
  const restored = { $sum: { $map: each } };
  const earlier = { $cond: ['$live', fieldOf({ $last: summarized }, 'summary'), '$$REMOVE'] };
  return [
    {
      $set: {
        live: true,
        deleted_at: '$$REMOVE',
        first_seq: { $cond: ['$live', FIRST_KEPT_SEQ, '$first_seq'] },
        summary: { $ifNull: ['$summary', { $ifNull: [earlier, '$$REMOVE'] }] },
        deleted_count: sumOf(['$deleted_count', { $cond: ['$live', restored, 0] }]),
        retired: unlessLive('retired'),
        revived_by: unlessLive('revived_by'),
      },
    },
  ];
}

/** The outcome of a `restoration`. @param before the session as it was */
export function toRestored(before: SessionDocument): Restored {
  const { deleted_at: _, ...rest } = before;
  const { first_seq, live, retired = [], deleted_count = 0 } = before;
  if (!live) {
    const session = toSession(rest);
    return { session, messages: session.message_count };
  }
  const deleted = retired.reduce((sum, range) => sum + (range.deleted_count ?? 0), 0);
  const whole = { first_seq: firstKeptSeq(before), deleted_count: deleted_count + deleted };
  return {
    session: toSession({ ...rest, ...whole }),
    messages: first_seq - whole.first_seq - deleted,
  };
}

/**
 * An update that gives up the ranges that were retired at or before a time: nobody can put them back, and
 * the purge removes their messages.
 */
export function giveUpRanges(cutoff: Date): Document[] {
  const input = { $ifNull: ['$retired', []] };
  const kept = { $filter: { input, cond: { $gt: ['$$this.deleted_at', cutoff] } } };
  return [
    {
      $set: {
        purging: true,
        retired: {
          $let: {
            vars: { kept },
            in: { $cond: [{ $gt: [{ $size: '$$kept' }, 0] }, '$$kept', '$$REMOVE'] },
          },
        },
      },
    },
  ];
}

/** The ranges of a deleted session once it is revived: what `retiredOnRevival` makes of them. */
export function rangesAfterRevival(session: SessionDocument): RetiredRangeDocument[] {
  const { first_seq, last_seq, deleted_count = 0, retired = [] } = session;
  if (last_seq < first_seq) return retired;
  const times = [session.deleted_at, retired.at(-1)?.deleted_at].filter((at) => at !== undefined);
  const deleted_at = new Date(Math.max(...times.map(Number)));
  const all = [...retired, { first_seq, last_seq, deleted_at, deleted_count }];
  const [oldest, next, ...newer] = all;
  if (all.length <= MAX_RETIRED_RANGES || oldest === undefined || next === undefined) return all;
  const merged = (oldest.deleted_count ?? 0) + (next.deleted_count ?? 0);
  return [{ ...next, first_seq: oldest.first_seq, deleted_count: merged }, ...newer];
}

export const toRetiredRange = (range: RetiredRangeDocument): RetiredRange => ({
  ...{ first_seq: range.first_seq, last_seq: range.last_seq },
  deleted_count: range.deleted_count ?? 0,
  deleted_at: timestamp(range.deleted_at.getTime()),
});
