import { stemmer as stemEnglish } from '@orama/stemmers/english';
import { cutAt } from './normalizer.ts';

/** The maximum length of a term in UTF-16 code units. Longer words are data, not language. */
const TERM_MAX_LENGTH = 64;

/** The part of a word that is analysed to get such a term, including accents and apostrophes. */
const WORD_MAX_LENGTH = 10 * TERM_MAX_LENGTH;

/** The most code units of unspaced runs that are segmented per text. */
const RUNS_LENGTH = 10_000;

/**
 * The code units segmented at once. Each call of the segmenter costs as much as forty code units.
 */
const SEGMENTED_LENGTH = 500;
const SEGMENTING_COST = 40;

/** The number of runs that are segmented one by one, so that the terms of each stay together. */
const RUNS_ALONE = 50;

/** Scripts that write words without spaces. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]+/gu;

/**
 * Combining accents that are dropped, on Latin and Greek letters. In other scripts, marks are
 * letters.
 */
const ACCENTS = /(?<=[\p{Script=Latin}\p{Script=Greek}])[\u0300-\u036f]+/gu;

/** Vowel points that Hebrew and Arabic usually omit. */
const POINTS = /[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670\u0640]/gu;

/** Letters without a Unicode decomposition. */
const LETTERS: Record<string, string> = {
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
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'gu');

const ASCII = /^[\0-\x7f]*$/;
const ENGLISH_LETTERS = /^[a-z]+$/;

let segmenter: Intl.Segmenter | undefined;

/** Produces the index terms of the words of one text. */
export class Stemmer {
  /** Cached terms of single-term words, because most words repeat. */
  readonly #known = new Map<string, string>();
  /** Runs that have not been segmented yet, one per line. */
  #runs = '';
  #segmented = 0;
  #room = RUNS_LENGTH;

  /**
   * The terms of a lower-case word, except the one-character words in an unspaced run. The term is
   * empty for a word that consists of accents only.
   */
  *termsOf(word: string): Generator<string> {
    if (this.#known.has(word)) {
      yield this.#termOf(word);
      return;
    }
    let spaced = '';
    let end = 0;
    for (const { 0: run, index } of ASCII.test(word) ? [] : word.matchAll(UNSPACED)) {
      spaced += `${word.slice(end, index)} `;
      end = index + run.length;
      if (run.length === 1) yield run;
      else {
        this.#runs += `${cutAt(run, this.#room)}\n`;
        yield* pairsOf(run);
      }
    }
    if (end === 0) yield this.#termOf(word);
    else {
      for (const part of (spaced + word.slice(end)).split(' ')) {
        if (part !== '') yield this.#termOf(part);
      }
    }
  }

  #termOf(word: string): string {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    const term = termOf(word);
    this.#known.set(word, term);
    return term;
  }

  /**
   * The one-character words, which no bigram covers, of the runs added since the last call. After
   * the first runs, it waits until enough have accumulated to be worth a call of the segmenter.
   *
   * @param all whether to segment everything that is left
   * @returns the words, with `undefined` in between where the caller may pause
   */
  *shortWords(all = false): Generator<string | undefined> {
    const enough = all || this.#segmented < RUNS_ALONE ? 1 : SEGMENTED_LENGTH;
    if (this.#runs.length < enough) return;
    const runs = cutAt(this.#runs, this.#room);
    this.#runs = '';
    segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' });
    for (let start = 0; start < runs.length; ) {
      const piece = firstRuns(runs.slice(start));
      for (const { segment } of segmenter.segment(piece)) {
        if (segment !== '\n' && [...segment].length === 1) yield segment;
      }
      yield undefined;
      start += piece.length;
      this.#segmented += 1;
      this.#room = Math.max(0, this.#room - piece.length - SEGMENTING_COST);
    }
  }
}

/** The character bigrams of a run: any part of it is found, wherever its words begin and end. */
function* pairsOf(run: string): Generator<string> {
  let last: string | undefined;
  for (const character of run) {
    if (last !== undefined) yield last + character;
    last = character;
  }
}

/** The lines that are segmented at once, or part of a line that is too long. */
function firstRuns(runs: string): string {
  const piece = cutAt(runs, SEGMENTED_LENGTH);
  return piece.length === runs.length
    ? piece
    : piece.slice(0, piece.lastIndexOf('\n') + 1) || piece;
}

function termOf(word: string): string {
  const part = cutAt(word, WORD_MAX_LENGTH);
  return stem(ASCII.test(part) ? part : fold(part));
}

function stem(word: string): string {
  const bare = word.replace(/'s$/, '').replaceAll("'", '');
  const whole = cutAt(bare, TERM_MAX_LENGTH);
  return ENGLISH_LETTERS.test(whole) ? stemEnglish(whole) : whole;
}

/** A word without accents. */
function fold(word: string): string {
  return word
    .normalize('NFD')
    .replace(ACCENTS, '')
    .normalize('NFC')
    .replace(POINTS, '')
    .replace(LETTER, (letter) => LETTERS[letter] as string);
}
