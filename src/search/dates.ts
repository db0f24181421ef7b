import { DAY_MS } from '../domain/times.ts';
import { calendarTime, type NamedTime, namedTimes, relativeTimes } from './named-times.ts';

/** How well a message fits that is from shortly after a named time, and one that is from its year. */
const FIT = { shortlyAfter: 0.5, sameYear: 0.2 };

/** People tell of a day for a week, and of a longer time for a month. */
const SHORTLY_MS = { day: 7 * DAY_MS, longer: 31 * DAY_MS };

/** How well a message of some time, in milliseconds since 1970, fits what a question asks for: 0 to 1. */
export type TimeFit = (created_at: number) => number;

/**
 * Finds out which times a question asks for. Those without a year are of each year that has messages.
 * "Last week" is seen from now, or from the newest message, if no message is as new as that.
 */
export function timeFit(
  question: string,
  messages: readonly { created_at: number }[],
  now: number,
): TimeFit {
  const oldest = messages.reduce((least, one) => Math.min(least, one.created_at), now);
  const newest = messages.reduce((most, one) => Math.max(most, one.created_at), oldest);
  const named = namedTimes(question, yearOf(oldest), yearOf(newest));
  const times = named.length > 0 ? named : timesBefore(question, now, newest);
  if (times.length === 0) return () => 0;
  const [years, shortly] = [times.map(yearAround), times.map(shortlyAfter)];
  return (created_at) => {
    const within = ({ from, to }: NamedTime) => created_at >= from && created_at < to;
    if (times.some(within)) return 1;
    if (shortly.some(within)) return FIT.shortlyAfter;
    return years.some(within) ? FIT.sameYear : 0;
  };
}

function timesBefore(question: string, now: number, newest: number): NamedTime[] {
  const times = relativeTimes(question, now);
  if (times.length === 0) return times;
  return times.every(({ from }) => from > newest) ? relativeTimes(question, newest) : times;
}

function shortlyAfter({ from, to }: NamedTime): NamedTime {
  return { from: to, to: to + (to - from > DAY_MS ? SHORTLY_MS.longer : SHORTLY_MS.day) };
}

const yearAround = ({ from }: NamedTime): NamedTime =>
  calendarTime(yearOf(from), undefined, undefined);

const yearOf = (time: number) => new Date(time).getUTCFullYear();
