import { commonStem } from './analysis/stems.ts';

/**
 * English words that ask for something rather than say what ("what kind of", "how many times"), and verbs that
 * go with everything. They are searched for, but count for less.
 */
const WEAK_WORDS = `kind type sort many much often long time name happen go went get got do make made take took
  like have thing`;

const WEAK_TERMS: ReadonlySet<string> = new Set(WEAK_WORDS.split(/\s+/).map(commonStem));

const WEAK_WEIGHT = 0.4;

/** By how much the weight of a query term is multiplied. */
export const strengthOf = (term: string): number => (WEAK_TERMS.has(term) ? WEAK_WEIGHT : 1);
