import { distance } from 'fastest-levenshtein';

/** Shorter words are similar to too many others. */
export const SIMILAR_MIN_LENGTH = 3;

/** How many letters a word and a similar one may differ in. */
const maxDistance = (word: string) => (word.length < 6 ? 1 : 2);

/** The terms that are spelled nearly like a word, the nearest first. */
export function nearest(word: string, vocabulary: readonly string[]): string[] {
  const most = maxDistance(word);
  const hasLength = ({ length }: string) =>
    length >= SIMILAR_MIN_LENGTH && Math.abs(length - word.length) <= most;
  return vocabulary
    .filter(hasLength)
    .map((term) => ({ term, by: distance(word, term) }))
    .filter(({ by }) => by <= most)
    .sort((a, b) => a.by - b.by)
    .map(({ term }) => term);
}
