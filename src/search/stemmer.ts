import { stemmer as stemEnglish } from '@orama/stemmers/english';
import { cutAt } from './normalizer.ts';

/** Longer words are cut: they are data, not language. In UTF-16 code units. */
const TERM_MAX_LENGTH = 64;

/** What is looked at of a word to find that much, accents and apostrophes included. */
const WORD_MAX_LENGTH = 10 * TERM_MAX_LENGTH;

/** How many code units of runs without spaces are looked for words of one character, in a text. */
const RUNS_LENGTH = 10_000;

/** How many at once: the segmenter takes the time of forty for each text that it is given. */
const SEGMENTED_LENGTH = 500;
const SEGMENTING_COST = 40;

/** How many runs of a text are segmented each by itself, so that their terms stand together. */
const RUNS_ALONE = 50;

/** Scripts that write words without spaces in between. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]+/gu;

/** Accents on letters that are the same letters without them; elsewhere marks are letters. */
const ACCENTS = /(?<=[\p{Script=Latin}\p{Script=Greek}])[\u0300-\u036f]+/gu;

/** Points that Hebrew and Arabic are mostly written without. */
const POINTS = /[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670\u0640]/gu;

/** Letters that Unicode does not take apart. */
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

/** Makes the terms of one text's words. */
export class Stemmer {
  /** Those of words that have one each: most words come more than once. */
  readonly #known = new Map<string, string>();
  /** Runs that have not been looked for words of one character yet, a line each. */
  #runs = '';
  #segmented = 0;
  #room = RUNS_LENGTH;

  /**
   * The terms of a word in lower case, but for words of one character in a run; empty for a word of
   * nothing but accents.
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
   * The words of one character, which no pair would find, of the runs that have come since the last
   * time; after the first ones nothing, until there are enough of them to be worth while.
   *
   * @param all whether to wait no longer
   * @returns `undefined` in between, where time goes by
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

/**
 * Every two neighbouring characters of a run, so that any part of it is found, however it may be
 * taken for words.
 */
function* pairsOf(run: string): Generator<string> {
  let last: string | undefined;
  for (const character of run) {
    if (last !== undefined) yield last + character;
    last = character;
  }
}

/** As many lines as are segmented at once, or part of one that is too long. */
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
