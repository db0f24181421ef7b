/** A number in groups of three digits, with or without decimals: 1,250.00 or 1.250,00. */
const GROUPED = /^(\d{1,3}(?:([.,'])\d{3})(?:\2\d{3})*)(?:(?!\2)[.,](\d{1,2}))?$/;

/** Four groups behind points are an address. */
const ADDRESS = /^\d+(?:\.\d+){3,}$/;

/** A number of money without cents. */
const WHOLE_AMOUNT = /^(\d+)[.,]00$/;

/**
 * The terms of a number: one that does not depend on how it is written, and one for its decimals or
 * its last group. `undefined` for what is no such number.
 */
export function numberTerms(token: string): string[] | undefined {
  const [, whole] = WHOLE_AMOUNT.exec(token) ?? [];
  if (whole !== undefined) return [whole];
  const [, grouped, separator = '', decimals = ''] = GROUPED.exec(token) ?? [];
  if (grouped === undefined || ADDRESS.test(token)) return undefined;
  const groups = grouped.split(separator);
  const integer = groups.join('');
  const pairs = groups.slice(1).map((group, i) => `${groups[i]}:${group}`);
  return [integer, ...pairs, ...(/[1-9]/.test(decimals) ? [`${integer}:${decimals}`] : [])];
}

/** Units that are written with and without a space behind the number. */
const UNITS = new Set(
  `b kb mb gb tb pb kib mib gib tib bit kbit mbit gbit kbps mbps gbps ns us µs μs ms s sec min h hrs d mm cm
  m km kg g mg t l ml hz khz mhz ghz w kw kwh mw v a ah mah px pt dpi fps rpm k am pm °c °f c f eur usd
  gbp chf x th`.split(/\s+/),
);

const DIGITS = /^\d+$/;
const FIRST_DIGITS = /^\d+/;
const LAST_DIGITS = /\d+$/;

/** The digits that a number written in groups has at least, if they are not groups of thousands. */
const MIN_DIGITS = 7;

const NONE: readonly string[] = [];

/**
 * Joins what is one number though it is written with spaces: +44 20 7946 0991, 1 250, 16 GB. It is
 * told each token, and whether one space stands before it.
 */
export class SpacedNumbers {
  #groups: string[] = [];

  /** The terms that the token adds. */
  next(token: string, follows: boolean): readonly string[] {
    const startsWithDigit = isDigit(token.charCodeAt(0));
    // Most tokens are words behind words.
    if (
      this.#groups.length === 0 &&
      !startsWithDigit &&
      !isDigit(token.charCodeAt(token.length - 1))
    )
      return NONE;
    const last = follows ? this.#groups.at(-1) : undefined;
    if (last !== undefined && startsWithDigit) {
      const [first = ''] = FIRST_DIGITS.exec(token) ?? [];
      this.#groups.push(first);
      return [`${last}:${first}`, ...(DIGITS.test(token) ? NONE : this.end())];
    }
    const unit = token.toLowerCase();
    const terms = last !== undefined && UNITS.has(unit) ? [last + unit] : [];
    terms.push(...this.end());
    const [digits] = LAST_DIGITS.exec(token) ?? [];
    if (digits !== undefined) this.#groups.push(digits);
    return terms;
  }

  /** The number as a whole, at its end. */
  end(): readonly string[] {
    const groups = this.#groups;
    if (groups.length === 0) return NONE;
    this.#groups = [];
    const whole = groups.join('');
    const isGrouped = groups.slice(1).every((group) => group.length === 3);
    return groups.length > 1 && (isGrouped || whole.length >= MIN_DIGITS) ? [whole] : NONE;
  }
}

const isDigit = (unit: number) => unit >= 0x30 && unit <= 0x39;
