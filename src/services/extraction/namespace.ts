import { z } from 'zod';
import type { JsonObject } from '../../domain/metadata.ts';
import type { Session } from '../../domain/records.ts';
import { timestamp } from '../../domain/times.ts';
import type { Store } from '../../store/port.ts';
import { coverageOf, sessionState } from '../facts/coverage.ts';
import { type Batch, READY_COUNT, readUncovered } from './batch.ts';
import { byUser, LAST_USED_FIRST, sessionPage, sessionPages } from './pages.ts';

/** How many sessions are read at once. */
const PAGE = 50;

/** How far the clocks of servers may be apart, in milliseconds: who is behind writes into the past. */
export const CLOCK_SLACK_MS = 600_000;

/** How many sessions are remembered. */
const REMEMBERED_MAX = 20_000;

/**
 * How far a namespace has been looked through. Sessions are in the order of their last activity: newest first
 * down to `fresh`, and what was there before the first look, down from `deep`.
 */
const progressSchema = z.object({
  fresh: z.string(),
  deep: z.object({ value: z.number(), key: z.string() }).nullable(),
});
type Progress = z.infer<typeof progressSchema>;

/** What one look at a namespace found: a batch, or what to remember if there is none. */
export interface Look {
  batch?: Batch;
  /** Some messages wait until there are more of them, or until they are older. */
  isWaiting: boolean;
  /** Where to go on. */
  progress: JsonObject;
  /** There is more to look through at once. */
  hasMore: boolean;
}

export interface LookOptions {
  store: Store;
  now: number;
  /** How long messages are gathered, in milliseconds. */
  waitMs: number;
}

/** What is known of sessions until they change: so that each look reads only those that have changed. */
export class SessionMemory {
  /** When the first uncovered message was said, in milliseconds since 1970; infinite: nothing is uncovered. */
  readonly #oldest = new Map<string, { state: string; oldest: number }>();

  /** Whether a session has nothing that is older than a time. */
  isYoung(session: Session, readyAt: number): boolean {
    const known = this.#oldest.get(session.uuid);
    return known !== undefined && known.state === sessionState(session) && known.oldest > readyAt;
  }

  isCovered(session: Session): boolean {
    return this.isYoung(session, Number.MAX_VALUE);
  }

  clear(): void {
    this.#oldest.clear();
  }

  remember(session: Session, oldest: number): void {
    if (this.#oldest.size >= REMEMBERED_MAX) this.#oldest.clear();
    this.#oldest.set(session.uuid, { state: sessionState(session), oldest });
  }
}

/** Looks for a batch in a namespace. @param state the progress that was saved, if any */
export async function lookForBatch(
  { store, now, waitMs }: LookOptions,
  namespace: string,
  state: JsonObject,
  memory: SessionMemory,
): Promise<Look> {
  const saved = progressSchema.safeParse(state);
  // This is the first look, or a rebuild was requested.
  if (!saved.success) memory.clear();
  const progress = saved.success ? saved.data : firstProgress(now - waitMs - CLOCK_SLACK_MS);
  const place = { store, namespace, memory };
  const from = timestamp(Date.parse(progress.fresh) - CLOCK_SLACK_MS);
  let isWaiting = false;
  let fresh: string | undefined;
  for await (const { sessions } of sessionPages(store, namespace, LAST_USED_FIRST, PAGE)) {
    const recent = sessions.filter(({ updated_at }) => updated_at >= from);
    fresh ??= recent[0]?.updated_at;
    const found = await findBatch(place, recent, now - waitMs);
    if (found.batch !== undefined) {
      return { batch: found.batch, isWaiting, progress, hasMore: true };
    }
    if (found.waiting !== undefined) {
      isWaiting = true;
      fresh = found.waiting;
    }
    if (recent.length < PAGE) break;
  }
  if (fresh !== undefined && fresh > progress.fresh) progress.fresh = fresh;
  if (progress.deep === null) return { isWaiting, progress, hasMore: false };
  const deep = await sessionPage(store, namespace, LAST_USED_FIRST, PAGE, progress.deep);
  const { batch } = await findBatch(place, deep.sessions, Number.POSITIVE_INFINITY);
  if (batch !== undefined) return { batch, isWaiting, progress, hasMore: true };
  progress.deep = deep.next ?? null;
  return { isWaiting, progress, hasMore: progress.deep !== null };
}

/** No character sorts behind the one of the key. */
const firstProgress = (start: number): Progress => ({
  fresh: timestamp(start),
  deep: { value: start, key: '\u{10FFFF}' },
});

/**
 * The first batch of some sessions that is ready.
 *
 * @param readyAt messages up to this time are ready, however few they are
 */
async function findBatch(
  { store, namespace, memory }: { store: Store; namespace: string; memory: SessionMemory },
  sessions: readonly Session[],
  readyAt: number,
): Promise<{ batch?: Batch; waiting?: string }> {
  const left = sessions.filter((one) => one.message_count > 0 && !memory.isCovered(one));
  let waiting: string | undefined;
  for (const [user_id, own] of byUser(left)) {
    if (!own.every((session) => memory.isYoung(session, readyAt))) {
      const uuids = own.map(({ uuid }) => uuid);
      const coverage = await coverageOf({ store, namespace, user_id }, uuids, ['model']);
      const found = await readUncovered(store, namespace, user_id, own, coverage);
      const { batch, count, oldest, covered } = found;
      for (const session of covered) memory.remember(session, Number.POSITIVE_INFINITY);
      if (oldest === undefined) continue;
      const oldestMs = Date.parse(oldest);
      if (oldestMs <= readyAt || count >= READY_COUNT) return { batch };
      for (const session of own) {
        if (!covered.includes(session)) memory.remember(session, oldestMs);
      }
    }
    const [first] = own.map(({ updated_at }) => updated_at).toSorted();
    if (waiting === undefined || (first as string) < waiting) waiting = first;
  }
  return waiting === undefined ? {} : { waiting };
}
