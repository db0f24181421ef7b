/**
 * Matches a token: words with what joins them, as in `l'hôtel`, `user_id`, `v2.14.0` or
 * `src/app/config.ts`; an emoji or a flag.
 */
export const TOKEN =
  /[\p{L}\p{N}\p{M}]+(?:['`_.,:/\\@&+‐‑-][\p{L}\p{N}\p{M}]+){0,15}(?:\+\+|#(?![\p{L}\p{N}]))?|\p{RI}\p{RI}|\p{Extended_Pictographic}/gu;

/** A word in a token, with its apostrophes. */
export const ATOM = /[\p{L}\p{N}\p{M}]+(?:['`][\p{L}\p{N}\p{M}]+)*/gu;

/** Words that are only letters in one case, or with a capital in front: most of all. */
const PLAIN = /^\p{Lu}?[\p{Ll}\p{Lo}\p{M}]*$|^\p{Lu}+$/u;

/** Abbreviations in the plural, and ordinals: their parts say nothing. */
const INDIVISIBLE = /^(?:\p{Lu}{2,}s|\d+\p{Lo}+)$/u;
const ORDINAL = /^(\d+)(?:st|nd|rd|th|s)$/i;

/** A part of a word that is written in camel case, or of digits and letters. */
const PART = /\p{N}+|\p{Lu}+(?!\p{Ll})|\p{Lu}?[^\p{Lu}\p{N}]+|\p{Lu}/gu;

/** The number behind such letters is no name of its own: `utf8`, but PAY4711. */
const LOWER_END = /\p{Ll}$/u;

/** A word that changes between digits and letters more often than this is a hash. */
const MAX_TURNS = 4;

/** The parts of a word; none, or itself, if it is not made of parts. */
export function partsOf(word: string): string[] {
  if (word.includes("'")) return [];
  if (PLAIN.test(word) || INDIVISIBLE.test(word)) return [word];
  const ordinal = ORDINAL.exec(word)?.[1];
  if (ordinal !== undefined) return [ordinal];
  const parts = word.match(PART) ?? [word];
  const turns = parts.filter((part, i) => i > 0 && isNumber(part) !== isNumber(parts[i - 1] ?? ''));
  if (turns.length >= MAX_TURNS) return [word];
  return parts.filter((part, i) => !isNumber(part) || !LOWER_END.test(parts[i - 1] ?? ''));
}

export const isNumber = (part: string) => /^\p{N}/u.test(part);

/** What is left of a word behind an elided article or a name's prefix: l'hôtel, O'Connor. */
const ELISION =
  /^[\p{Script=Latin}\p{M}]+(?:'[\p{Script=Latin}\p{M}]+)*'([\p{Script=Latin}\p{M}]{2,})$/u;

/** What English puts behind an apostrophe. */
const CONTRACTED = /'(?:s|t|ll|re|ve|d|m|all|em|clock)$/;

/** The word behind the last apostrophe of a lower-case word, if it is one of its own. */
export function afterElision(word: string): string | undefined {
  return CONTRACTED.test(word) ? undefined : ELISION.exec(word)?.[1];
}
