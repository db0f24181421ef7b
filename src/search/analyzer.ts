import { ANALYSED_LENGTH, cutAt, plainSections } from './normalizer.ts';
import { Stemmer } from './stemmer.ts';
import { withoutStopWords } from './stop-words.ts';

/**
 * Work in small steps. It yields where it may pause, and returns its result.
 */
export type Steps<T> = Generator<undefined, T>;

/** Runs work in steps without pauses. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** How many different terms of one message are indexed: those of about 25,000 bytes of prose. */
export const TERMS_PER_MESSAGE = 2000;

/** How many different terms of one question are looked for. */
export const TERMS_PER_QUESTION = 32;

/** How often a term of a message is kept: repeating a word more often hardly says more. */
const REPEATS = 4;

/** The term of a message that ends with a question mark, in any script. */
export const QUESTION_TERM = '?';

/** Words, with the apostrophes inside them, emoji and flags. */
const WORD = /[\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*|\p{RI}\p{RI}|\p{Extended_Pictographic}/gu;

const ENDS_ASKING = /[?？؟\u037e՞፧]["'”’»)\]\s]*$/u;

/** Roles that say nothing about who speaks. */
const GENERIC_ROLES: ReadonlySet<string> = new Set(['user', 'assistant', 'system', 'tool']);

/** After how many words or terms others may come first: these take about half a millisecond. */
const STEP = 128;

/**
 * The terms under which a message is found: in their order, each up to four times, at most
 * `TERMS_PER_MESSAGE` different ones. A role that names somebody counts as said: people ask what
 * Caroline said.
 */
export function* analyseMessage(message: { role: string; content: string }): Steps<string[]> {
  const { role, content } = message;
  const counts = new Map<string, number>();
  const terms: string[] = [];
  const text = GENERIC_ROLES.has(role.toLowerCase()) ? content : `${role}\n${content}`;
  let seen = 0;
  for (const term of termsOfWords(wordsOf(text))) {
    if (++seen % STEP === 0 || term === undefined) yield;
    if (term === undefined || term === '') continue;
    const count = counts.get(term) ?? 0;
    if (count === REPEATS) continue;
    counts.set(term, count + 1);
    terms.push(term);
    if (counts.size === TERMS_PER_MESSAGE) break;
  }
  if (ENDS_ASKING.test(content.slice(-20))) terms.push(QUESTION_TERM);
  return terms;
}

/** The same as `analyseMessage`, without pauses. */
export function termsOf(message: { role: string; content: string }): string[] {
  return finish(analyseMessage(message));
}

/** What a question looks for. */
export interface Question {
  /** Its terms, each once, at most `TERMS_PER_QUESTION`. */
  terms: string[];
  /** How many different terms more it had. */
  omitted: number;
}

/** Analyses a question like a message, without the words that say nothing. */
export function* analyseQuestion(question: string): Steps<Question> {
  const words: string[] = [];
  for (const word of wordsOf(question)) {
    if (word === undefined) yield;
    else words.push(word);
  }
  const terms = new Set<string>();
  let seen = 0;
  for (const term of termsOfWords(withoutStopWords(words))) {
    if (++seen % STEP === 0 || term === undefined) yield;
    if (term !== undefined && term !== '') terms.add(term);
  }
  if (terms.size === 0 && ENDS_ASKING.test(question.slice(-20))) terms.add(QUESTION_TERM);
  const kept = [...terms].slice(0, TERMS_PER_QUESTION);
  return { terms: kept, omitted: terms.size - kept.length };
}

/**
 * Where a content has one of the terms for the first time, in characters (UTF-16 code units), as far
 * as it is written plainly; otherwise 0.
 */
export function* firstMatch(content: string, terms: readonly string[]): Steps<number> {
  const wanted = new Set(terms);
  const maker = new Stemmer();
  let seen = 0;
  for (const { 0: word, index } of cutAt(content, ANALYSED_LENGTH).matchAll(WORD)) {
    for (const term of allTermsOf(word.toLowerCase(), maker)) {
      if (++seen % STEP === 0 || term === undefined) yield;
      if (term !== undefined && wanted.has(term)) return index;
    }
  }
  return 0;
}

/** The words of a text, in lower case, as they are written; `undefined` where time goes by. */
function* wordsOf(text: string): Generator<string | undefined> {
  for (const section of plainSections(text)) {
    for (const [word] of section?.matchAll(WORD) ?? []) yield word;
    yield undefined;
  }
}

/** The terms of words, in their order, some of them empty; `undefined` where time goes by. */
function* termsOfWords(words: Iterable<string | undefined>): Generator<string | undefined> {
  const maker = new Stemmer();
  for (const word of words) {
    if (word === undefined) {
      yield undefined;
      continue;
    }
    yield* maker.termsOf(word);
    yield* maker.shortWords();
  }
  yield* maker.shortWords(true);
}

/** Those of one word that `maker` makes. */
function* allTermsOf(word: string, maker: Stemmer): Generator<string | undefined> {
  yield* maker.termsOf(word);
  yield* maker.shortWords(true);
}
