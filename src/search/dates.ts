/** A time that a question names, and how much a message of some time has to do with it. */
export interface NamedTime {
  /** Milliseconds since 1970, UTC. */
  from: number;
  /** The first millisecond behind it. */
  to: number;
}

const DAY_MS = 86_400_000;

/** How well a message fits that was written shortly after a named time, and one of the same year. */
const FIT = { shortlyAfter: 0.5, sameYear: 0.2 };

/** People tell of a day for a week, and of a month for a month. */
const SHORTLY_MS = { day: 7 * DAY_MS, longer: 31 * DAY_MS };

const MONTH_NAMES = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september'],
  ...['october', 'november', 'december'],
];
/** March and May are words too: they name a month only with a capital letter. */
const MONTH = `(?:${MONTH_NAMES.map((name) => `[${name[0]?.toUpperCase()}${/^ma/.test(name) ? '' : name[0]}]${name.slice(1)}`).join('|')}|[Jj]an|[Ff]eb|Mar|[Aa]pr|[Jj]un|[Jj]ul|[Aa]ug|[Ss]ept?|[Oo]ct|[Nn]ov|[Dd]ec)\\.?`;
const DAY = '(\\d{1,2})(?:st|nd|rd|th)?';
const YEAR = '(?:,?\\s+(?:of\\s+)?((?:19|20)\\d\\d)\\b)?';

const ISO_DAY = /\b((?:19|20)\d\d)-(\d\d)(?:-(\d\d))?\b/g;
const DAY_MONTH = new RegExp(`\\b${DAY}\\s+(?:of\\s+)?(${MONTH})(?!\\p{L})${YEAR}`, 'gu');
const MONTH_DAY = new RegExp(`\\b(${MONTH})\\s+${DAY}\\b(?!\\d)${YEAR}`, 'gu');
const MONTH_ONLY = new RegExp(`\\b(${MONTH})(?!\\p{L})${YEAR}`, 'gu');
const YEAR_ONLY = /\b(?:19|20)\d\d\b/g;

const UNIT_DAYS = { day: 1, week: 7, weekend: 7, month: 31, year: 366 } as const;
type Unit = keyof typeof UNIT_DAYS;
const AMOUNTS = [
  'a',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
];
const AGO =
  /\b(\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten) (day|week|month|year)s? ago\b/gi;
const LAST = /\b(last|past|this) (week|weekend|month|year)\b/gi;
const NEAR_DAY = /\b(today|yesterday)\b/gi;

/** Returns the times that a question names by day, month or year. Relative ones count from `reference`. */
export function namedTimes(
  question: string,
  reference: number,
  years: readonly number[],
): NamedTime[] {
  const times: NamedTime[] = [];
  let rest = question;
  const take = (pattern: RegExp, read: (groups: string[]) => NamedTime[]) => {
    rest = rest.replace(pattern, (...groups) => {
      times.push(...read(groups));
      return ' ';
    });
  };
  const inYears = (year: string | undefined, toTime: (year: number) => NamedTime | undefined) =>
    (year === undefined ? years : [Number(year)]).flatMap((one) => toTime(one) ?? []);
  take(ISO_DAY, ([, year, month, day]) =>
    inYears(year, (y) => dayOrMonth(y, Number(month) - 1, day)),
  );
  take(DAY_MONTH, ([, day, month, year]) =>
    inYears(year, (y) => dayOrMonth(y, monthOf(month as string), day)),
  );
  take(MONTH_DAY, ([, month, day, year]) =>
    inYears(year, (y) => dayOrMonth(y, monthOf(month as string), day)),
  );
  take(MONTH_ONLY, ([, month, year]) =>
    inYears(year, (y) => dayOrMonth(y, monthOf(month as string))),
  );
  take(YEAR_ONLY, ([year]) => [
    { from: Date.UTC(Number(year), 0), to: Date.UTC(Number(year) + 1, 0) },
  ]);
  if (times.length > 0) return times;
  const today = Math.floor(reference / DAY_MS) * DAY_MS;
  const daysAgo = (days: number, length: number) => {
    const from = today - days * DAY_MS;
    return [{ from, to: from + length * DAY_MS }];
  };
  take(NEAR_DAY, ([word]) => daysAgo(word?.toLowerCase() === 'today' ? 0 : 1, 1));
  take(AGO, ([, amount, unit]) => {
    const days =
      amountOf((amount as string).toLowerCase()) *
      UNIT_DAYS[(unit as string).toLowerCase() as Unit];
    const length = UNIT_DAYS[(unit as string).toLowerCase() as Unit];
    return daysAgo(days + Math.floor(length / 2), length);
  });
  take(LAST, ([, , unit]) => {
    const length = UNIT_DAYS[(unit as string).toLowerCase() as Unit];
    return daysAgo(length + 3, length + 4);
  });
  return times;
}

/** How well a message of some time fits, from 0 to 1. */
export function timeFit(created_at: number, times: readonly NamedTime[]): number {
  let best = 0;
  for (const { from, to } of times) {
    const length = to - from;
    if (created_at >= from && created_at < to) return 1;
    const shortly = length <= DAY_MS ? SHORTLY_MS.day : SHORTLY_MS.longer;
    if (created_at >= to && created_at < to + shortly) best = Math.max(best, FIT.shortlyAfter);
    else if (new Date(created_at).getUTCFullYear() === new Date(from).getUTCFullYear())
      best = Math.max(best, FIT.sameYear);
  }
  return best;
}

function dayOrMonth(year: number, month: number, day?: string): NamedTime | undefined {
  if (month < 0 || month > 11) return undefined;
  if (day === undefined) return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
  const from = Date.UTC(year, month, Number(day));
  return { from, to: from + DAY_MS };
}

const monthOf = (name: string) =>
  MONTH_NAMES.findIndex((month) => month.startsWith(name.slice(0, 3).toLowerCase()));

const amountOf = (word: string) =>
  /\d/.test(word) ? Number(word) : Math.max(1, AMOUNTS.indexOf(word === 'an' ? 'a' : word));
