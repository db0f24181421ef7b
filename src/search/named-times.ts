import { DAY_MS } from '../domain/times.ts';

/** A time that a question names, in milliseconds since 1970, UTC. */
export interface NamedTime {
  from: number;
  /** The first millisecond behind it. */
  to: number;
}

/** A month without a year is looked for in at most so many years. */
const MAX_YEARS = 20;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** March and May are words too: only a capital letter makes them months. */
const MONTH =
  '(?<month>[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|Mar(?:ch)?|[Aa]pr(?:il)?|May|[Jj]une?|[Jj]uly?|[Aa]ug(?:ust)?|[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?)\\b\\.?';
const DAY = '(?<day>\\d{1,2})(?:st|nd|rd|th)?';
const YEAR = '(?<year>(?:19|20)\\d\\d)\\b';

/** From the most to the least exact: what one has matched, the next ones do not see. */
const PATTERNS = [
  new RegExp(`\\b${YEAR}[-/](?<number>\\d{1,2})(?:[-/]${DAY})?\\b`, 'g'),
  new RegExp(`\\b${DAY}\\.?\\s+(?:of\\s+)?${MONTH}(?:,?\\s+(?:of\\s+)?${YEAR})?`, 'g'),
  new RegExp(`\\b${MONTH}\\s+${DAY}\\b(?:,?\\s+(?:of\\s+)?${YEAR})?`, 'g'),
  new RegExp(`\\b${MONTH}(?:,?\\s+(?:of\\s+)?${YEAR})?`, 'g'),
  new RegExp(`\\b${YEAR}`, 'g'),
];

const UNIT_DAYS: Record<string, number> = { day: 1, week: 7, weekend: 7, month: 31, year: 366 };
const AMOUNTS = ['', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const UNIT = '(?<unit>day|weekend|week|month|year)';

const RELATIVE = [
  new RegExp(
    `\\b(?<amount>\\d{1,3}|an?|${AMOUNTS.slice(1).join('|')})\\s+${UNIT}s?\\s+ago\\b`,
    'gi',
  ),
  new RegExp(
    `\\b(?<which>last|past|this)\\s+(?:${UNIT}|(?<weekday>${WEEKDAYS.join('|')}))\\b`,
    'gi',
  ),
  /\b(?<near>today|tonight|yesterday)\b/gi,
];

/**
 * The days, months and years that a question names, in English or as in 2023-05-07.
 *
 * @param firstYear the first year to look for those that are named without one
 */
export function namedTimes(question: string, firstYear: number, lastYear: number): NamedTime[] {
  const from = Math.max(firstYear, lastYear - MAX_YEARS + 1);
  const years = Array.from({ length: lastYear - from + 1 }, (_, i) => from + i);
  return readAll(question, PATTERNS, ({ year, month, number, day }) => {
    const index = number === undefined ? monthOf(month) : Number(number) - 1;
    const named = year === undefined ? years : [Number(year)];
    return named.map((one) =>
      calendarTime(one, index, day === undefined ? undefined : Number(day)),
    );
  });
}

/** The times that a question names as seen from another: "yesterday", "last week", "two months ago". */
export function relativeTimes(question: string, now: number): NamedTime[] {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const before = (days: number, length: number) => {
    const from = today - days * DAY_MS;
    return [{ from, to: from + length * DAY_MS }];
  };
  return readAll(question.toLowerCase(), RELATIVE, ({ amount, unit, which, weekday, near }) => {
    const length = UNIT_DAYS[unit ?? 'day'] as number;
    // "Two weeks ago" is hardly ever exact.
    if (amount !== undefined) return before(amountOf(amount) * length + (length >> 1), length);
    if (weekday !== undefined) {
      return before(((new Date(today).getUTCDay() - WEEKDAYS.indexOf(weekday) + 6) % 7) + 1, 1);
    }
    if (near !== undefined) return before(near === 'yesterday' ? 1 : 0, 1);
    return which === 'this' ? before(length - 1, length) : before(2 * length - 1, 2 * length - 1);
  });
}

type Groups = Partial<Record<string, string>>;

/** Reads what the patterns match, each in what those before it have left. */
function readAll(
  text: string,
  patterns: readonly RegExp[],
  read: (groups: Groups) => NamedTime[],
): NamedTime[] {
  const times: NamedTime[] = [];
  let rest = text;
  for (const pattern of patterns) {
    const found = [...rest.matchAll(pattern)];
    if (found.length === 0) continue;
    for (const { groups } of found) times.push(...read(groups as Groups));
    rest = rest.replace(pattern, ' ');
  }
  return times;
}

/** A year, a month of one, counted from 0, or a day. */
export function calendarTime(
  year: number,
  month: number | undefined,
  day: number | undefined,
): NamedTime {
  if (month === undefined) return { from: Date.UTC(year, 0), to: Date.UTC(year + 1, 0) };
  if (day === undefined) return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
  return { from: Date.UTC(year, month, day), to: Date.UTC(year, month, day + 1) };
}

const monthOf = (name: string | undefined) =>
  name === undefined ? undefined : MONTHS.indexOf(name.slice(0, 3).toLowerCase());

const amountOf = (amount: string) =>
  /\d/.test(amount) ? Number(amount) : Math.max(1, AMOUNTS.indexOf(amount));
