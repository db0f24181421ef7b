export const DAY_MS = 86_400_000;

/** The first and the last millisecond that RFC 3339 can name, which has years of four digits. */
const MIN_TIME_MS = Date.parse('0000-01-01T00:00:00Z');
const MAX_TIME_MS = Date.parse('9999-12-31T23:59:59.999Z');

let day = Number.NaN;
let prefix = '';
let lastTime = Number.NaN;
let lastText = '';

const TWO_DIGITS = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));

/**
 * Formats a time as RFC 3339 in UTC with milliseconds, like `Date.prototype.toISOString`. That
 * function takes a quarter of the time of a list, so the date is cached, and the last time: most times
 * are of the same day as the one before, and many are the same.
 *
 * @param milliseconds since 1970
 */
export function timestamp(milliseconds: number): string {
  if (milliseconds === lastTime) return lastText;
  const since = Math.floor(milliseconds / DAY_MS);
  if (since !== day) {
    const midnight = new Date(since * DAY_MS).toISOString();
    prefix = midnight.slice(0, midnight.indexOf('T') + 1);
    day = since;
  }
  const ms = milliseconds - since * DAY_MS;
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const fraction = String(ms % 1000).padStart(3, '0');
  lastTime = milliseconds;
  lastText = `${prefix}${TWO_DIGITS[hours]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}.${fraction}Z`;
  return lastText;
}

const YEAR_OR_MONTH = /^(\d{4})(?:-(\d{2}))?$/;

/** A date, and behind it a time of day and a zone, each of which may be missing. */
const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/**
 * Parses RFC 3339, and the shorter forms that programs and models send: a time without seconds or
 * zone, which is then UTC, with a space in the place of the `T`, or a date, a month or a year alone.
 *
 * @param dateIs which end of its day, month or year, in UTC, a date alone stands for
 * @returns milliseconds since 1970, or `undefined` if the text is no time of the years 0 to 9999
 */
export function parseTime(text: string, dateIs: 'start' | 'end' = 'start'): number | undefined {
  const [, year, month] = YEAR_OR_MONTH.exec(text.trim()) ?? [];
  if (year !== undefined) {
    if (month !== undefined && (Number(month) < 1 || Number(month) > 12)) return undefined;
    const at = new Date(`${year}-${month ?? '01'}-01T00:00:00Z`);
    if (dateIs === 'start') return at.getTime();
    at.setUTCMonth(at.getUTCMonth() + (month === undefined ? 12 : 1));
    return at.getTime() - 1;
  }
  const [, date, minutes, seconds = '00', fraction = '', zone = 'Z'] = TIME.exec(text.trim()) ?? [];
  if (date === undefined) return undefined;
  const day = Date.parse(`${date}T00:00:00Z`);
  // JavaScript takes the 31st of February for a day in March.
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return undefined;
  if (minutes === undefined) return dateIs === 'start' ? day : day + DAY_MS - 1;
  const [, sign, hours, rest = '00'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  const offset = sign === undefined ? 'Z' : `${sign}${hours}:${rest}`;
  // A leap second is the last second of its minute.
  const second = seconds === '60' ? '59' : seconds;
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0');
  const time = Date.parse(`${date}T${minutes}:${second}.${milliseconds}${offset}`);
  return Number.isNaN(time) || time < MIN_TIME_MS || time > MAX_TIME_MS ? undefined : time;
}
