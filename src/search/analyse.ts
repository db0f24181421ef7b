import { stemmer as stemEnglish } from '@orama/stemmers/english';
import { withoutStopWords } from './stop-words.ts';

/** How many different terms of one message are indexed: those of about 25,000 bytes of prose. */
export const TERMS_PER_MESSAGE = 2000;

/** How much of a message is analysed, in UTF-16 code units: prose has that many terms by then. */
const ANALYSED_LENGTH = 100_000;

/** How many different terms of one question are looked for. */
export const TERMS_PER_QUESTION = 32;

/** How often a term of a message is kept: repeating a word more often hardly says more. */
const REPEATS = 4;

/** Longer words are cut: they are data, not language. In UTF-16 code units. */
const TERM_MAX_LENGTH = 64;

/** The term of a message that ends with a question mark, in any script. */
export const ASKS = '?';

/**
 * How long a run without spaces may be for its words to be looked for at once, and how many such
 * characters of a text in all: the time that `Intl.Segmenter` takes grows with the square.
 */
const RUN_LENGTH = 500;
const RUNS_LENGTH = 10_000;

/** More marks on one letter mean nothing, and putting them in order takes the square of their number. */
const PILED_MARKS = /(\p{M}{8})\p{M}+/gu;

/** Words, with the apostrophes inside them, emoji and flags. */
const WORD = /[\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*|\p{RI}\p{RI}|\p{Extended_Pictographic}/gu;

const ENDS_ASKING = /[?？؟\u037e՞፧]["'”’»)\]\s]*$/u;

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

/** Roles that say nothing about who speaks. */
const GENERIC_ROLES: ReadonlySet<string> = new Set(['user', 'assistant', 'system', 'tool']);

/**
 * The terms under which a message is found: in their order, each up to four times, at most
 * `TERMS_PER_MESSAGE` different ones. A role that names somebody counts as said: people ask what
 * Caroline said.
 */
export function termsOf({ role, content }: { role: string; content: string }): string[] {
  const counts = new Map<string, number>();
  const terms: string[] = [];
  const analysed = cut(content);
  const text = GENERIC_ROLES.has(role.toLowerCase()) ? analysed : `${role}\n${analysed}`;
  for (const term of eachTermOf(wordsOf(text))) {
    const count = counts.get(term) ?? 0;
    if (count === REPEATS) continue;
    counts.set(term, count + 1);
    terms.push(term);
    if (counts.size === TERMS_PER_MESSAGE) break;
  }
  if (ENDS_ASKING.test(content.slice(-20))) terms.push(ASKS);
  return terms;
}

/** What a question looks for. */
export interface Question {
  /** Its terms, each once, at most `TERMS_PER_QUESTION`. */
  terms: string[];
  /** How many different terms more it had. */
  omitted: number;
}

/** Analyses a question like a message, without the words that say nothing. */
export function analyseQuestion(question: string): Question {
  const words = withoutStopWords([...wordsOf(question)]);
  const terms = new Set(eachTermOf(words));
  if (terms.size === 0 && ENDS_ASKING.test(question.slice(-20))) terms.add(ASKS);
  const kept = [...terms].slice(0, TERMS_PER_QUESTION);
  return { terms: kept, omitted: terms.size - kept.length };
}

/**
 * Where a content has one of the terms for the first time, in characters (UTF-16 code units), as far
 * as it is written plainly; otherwise 0.
 */
export function firstMatch(content: string, terms: readonly string[]): number {
  const wanted = new Set(terms);
  for (const { 0: word, index } of cut(content).matchAll(WORD)) {
    for (const term of eachTermOf([word.toLowerCase()])) if (wanted.has(term)) return index;
  }
  return 0;
}

/** As much of a text as is analysed, no character cut in two. */
function cut(text: string): string {
  if (text.length <= ANALYSED_LENGTH) return text;
  const part = text.slice(0, ANALYSED_LENGTH);
  return part.isWellFormed() ? part : part.slice(0, -1);
}

/** The terms of words, in their order. */
function* eachTermOf(words: Iterable<string>): Generator<string> {
  const known = new Map<string, string>();
  let unspaced = 0;
  for (const word of words) {
    if (ASCII.test(word)) {
      const term = known.get(word) ?? stem(word);
      known.set(word, term);
      yield term;
      continue;
    }
    let rest = '';
    let end = 0;
    for (const { 0: run, index } of word.matchAll(UNSPACED)) {
      rest += `${word.slice(end, index)} `;
      end = index + run.length;
      yield* termsOfRun(run, unspaced < RUNS_LENGTH);
      unspaced += run.length;
    }
    for (const part of (rest + word.slice(end)).split(' ')) {
      const term = stem(fold(part));
      if (term !== '') yield term;
    }
  }
}

/** Words in lower case, as they are written. */
function* wordsOf(text: string): Generator<string> {
  const plain = ASCII.test(text)
    ? text
    : text.replace(PILED_MARKS, '$1').normalize('NFKC').replace(/[’‘ʼ]/gu, "'");
  for (const [word] of plain.toLowerCase().matchAll(WORD)) yield word;
}

/**
 * Every two neighbouring characters of a run, so that any part of it is found, however it may be
 * taken for words; and its words of one character, which no pair would find.
 */
function* termsOfRun(run: string, withWords: boolean): Generator<string> {
  let last: string | undefined;
  for (const character of run) {
    if (last !== undefined) yield last + character;
    last = character;
  }
  if (!withWords) return;
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' });
  const characters = [...run].slice(0, RUNS_LENGTH);
  for (let start = 0; start < characters.length; start += RUN_LENGTH) {
    const piece = characters.slice(start, start + RUN_LENGTH).join('');
    for (const { segment } of segmenter.segment(piece)) {
      if ([...segment].length === 1) yield segment;
    }
  }
}

function stem(word: string): string {
  const bare = word.replace(/'s$/, '').replaceAll("'", '').slice(0, TERM_MAX_LENGTH);
  // A cut may not leave half a character.
  const whole = bare.isWellFormed() ? bare : bare.slice(0, -1);
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
