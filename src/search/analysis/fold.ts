import { isAscii } from '../normalizer.ts';

/** Combining accents that are dropped from Latin and Greek letters. In other scripts marks are letters. */
const ACCENTS = /(?<=[\p{Script=Latin}\p{Script=Greek}])[\u0300-\u036f]+/gu;

/** Latin and Greek letters that may have an accent, and letters with a spelling of their own. */
const ACCENTED = /[\u00c0-\u024f\u0370-\u03ff\u1e00-\u1fffё]/gu;

/** Letters that Unicode does not take apart. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  ς: 'σ',
  ё: 'е',
};

/** The folded forms of letters met so far: there are some two thousand. */
const folded = new Map<string, string>(Object.entries(LETTERS));

/** A lower-case word in NFKC without accents. */
export function fold(word: string): string {
  return isAscii(word) ? word : word.replace(ACCENTED, foldLetter).replace(ACCENTS, '');
}

function foldLetter(letter: string): string {
  const known = folded.get(letter);
  if (known !== undefined) return known;
  const [base = letter] = letter.normalize('NFD');
  const plain = LETTERS[base] ?? base;
  folded.set(letter, plain);
  return plain;
}
