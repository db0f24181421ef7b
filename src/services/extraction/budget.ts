import { z } from 'zod';
import type { JsonObject } from '../../domain/metadata.ts';
import { DAY_MS, timestamp } from '../../domain/times.ts';

/** What the model may use, by all processes on a store. */
export interface Limits {
  callsPerMinute: number;
  tokensPerDay: number;
}

export const MINUTE_MS = 60_000;

const count = z.int().min(0);

/** What was used, and what came of it, as it is kept with the lease. */
const usageSchema = z.object({
  /** The day of the counts, in UTC. */
  day: z.string(),
  tokens: count,
  calls: count,
  /** The batches that were read. */
  batches: count,
  /** The new facts of them. */
  facts: count,
  /** The answers that were wrong. */
  wrong: count,
  /** The batches that were given up. */
  dropped: count,
  /** The minute of `minute_calls`, since 1970. */
  minute: count,
  minute_calls: count,
});
export type Usage = z.infer<typeof usageSchema>;

const dayOf = (now: number) => timestamp(now).slice(0, 10);
const minuteOf = (now: number) => Math.floor(now / MINUTE_MS);

/** The usage that was saved, as it counts now. */
export function usageAt(state: JsonObject, now: number): Usage {
  const parsed = usageSchema.safeParse(state);
  const [day, minute] = [dayOf(now), minuteOf(now)];
  const nothing = { tokens: 0, calls: 0, batches: 0, facts: 0, wrong: 0, dropped: 0 };
  if (!parsed.success) return { day, minute, minute_calls: 0, ...nothing };
  const usage = parsed.data;
  // A leader whose clock is behind that of the last one goes on with its day and its minute.
  return {
    ...(usage.day < day ? { ...usage, ...nothing, day } : usage),
    ...(usage.minute < minute && { minute, minute_calls: 0 }),
  };
}

/** How long to wait before a call that uses about so many tokens, in milliseconds. */
export function waitMs(usage: Usage, limits: Limits, tokens: number, now: number): number {
  // A call that is larger than a whole day's budget has to be possible, too.
  const isSpent = usage.tokens > 0 && usage.tokens + tokens > limits.tokensPerDay;
  if (isSpent) return Math.max(1, Date.parse(usage.day) + DAY_MS - now);
  if (usage.minute_calls < limits.callsPerMinute) return 0;
  return Math.max(1, (usage.minute + 1) * MINUTE_MS - now);
}
