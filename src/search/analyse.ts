import { stemmer as stemEnglish } from '@orama/stemmers/english';
import { withoutStopWords } from './stop-words.ts';

/** How many different terms of one message are indexed: those of about 25,000 bytes of prose. */
export const TERMS_PER_MESSAGE = 2000;

/** How many different terms of one question are looked for. */
export const TERMS_PER_QUESTION = 32;

/** How often a term of a message is kept: repeating a word more often hardly says more. */
const REPEATS = 4;

/** Longer words are cut: they are data, not language. In UTF-16 code units. */
const TERM_MAX_LENGTH = 64;

/** The term of a message that ends with a question mark, in any script. */
export const ASKS = '?';

/** Words, with the apostrophes inside them, and emoji. */
const WORD = /[\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*|\p{Extended_Pictographic}/gu;

const ENDS_ASKING = /[?？؟;՞፧]["'”’»)\]\s]*$/u;

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
  const add = (term: string) => {
    const count = counts.get(term) ?? 0;
    if (count === REPEATS || (count === 0 && counts.size === TERMS_PER_MESSAGE)) return;
    counts.set(term, count + 1);
    terms.push(term);
  };
  if (!GENERIC_ROLES.has(role.toLowerCase())) {
    for (const word of wordsOf(role)) for (const term of termsOfWord(word)) add(term);
  }
  for (const word of wordsOf(content)) {
    for (const term of termsOfWord(word)) add(term);
    if (counts.size === TERMS_PER_MESSAGE) break;
  }
  if (ENDS_ASKING.test(content.slice(-20))) add(ASKS);
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
  const terms = new Set(words.flatMap((word) => [...termsOfWord(word)]));
  if (terms.size === 0 && ENDS_ASKING.test(question)) terms.add(ASKS);
  const kept = [...terms].slice(0, TERMS_PER_QUESTION);
  return { terms: kept, omitted: terms.size - kept.length };
}

/**
 * Where a content has one of the terms for the first time, in characters (UTF-16 code units), as far
 * as it is written plainly; otherwise 0.
 */
export function firstMatch(content: string, terms: readonly string[]): number {
  const wanted = new Set(terms);
  for (const { 0: word, index } of content.matchAll(WORD)) {
    for (const term of termsOfWord(word.toLowerCase())) if (wanted.has(term)) return index;
  }
  return 0;
}

/** Words in lower case, as they are written. */
function* wordsOf(text: string): Generator<string> {
  const plain = ASCII.test(text) ? text : text.normalize('NFKC').replace(/[’‘ʼ]/gu, "'");
  for (const [word] of plain.toLowerCase().matchAll(WORD)) yield word;
}

/** The terms of one word, or of a run of words that are not set apart. */
function* termsOfWord(word: string): Generator<string> {
  if (ASCII.test(word)) {
    yield stem(word);
    return;
  }
  let rest = '';
  let end = 0;
  for (const match of word.matchAll(UNSPACED)) {
    rest += `${word.slice(end, match.index)} `;
    end = match.index + match[0].length;
    yield* termsOfRun(match[0]);
  }
  for (const part of (rest + word.slice(end)).split(' ')) if (part !== '') yield stem(fold(part));
}

/**
 * Every two neighbouring characters of a run, so that any part of it is found, however it may be
 * taken for words; and its words of one character, which no pair would find.
 */
function* termsOfRun(run: string): Generator<string> {
  const characters = [...run];
  for (let i = 1; i < characters.length; i++) {
    yield `${characters[i - 1]}${characters[i]}`;
  }
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' });
  for (const { segment } of segmenter.segment(run)) {
    if ([...segment].length === 1) yield segment;
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
