import { ANALYSED_LENGTH, cutAt, plainSections } from './normalizer.ts';
import { speakerMarkers } from './speaker.ts';
import { Stemmer } from './stemmer.ts';
import { withoutStopWords } from './stop-words.ts';

/** Work in small slices: a generator that yields where it may pause, and returns the result. */
export type Steps<T> = Generator<undefined, T>;

/** Runs sliced work to its end without pauses. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The most different terms indexed per message: about those of 25,000 bytes of prose. */
export const TERMS_PER_MESSAGE = 2000;

/** The most different terms searched for per question. */
export const TERMS_PER_QUESTION = 32;

/**
 * The most occurrences of one term indexed per message. Further repetition hardly adds relevance.
 */
const MAX_OCCURRENCES = 4;

/** The term that marks a message ending with a question mark, in any script. */
export const QUESTION_TERM = '?';

/** Matches a word with its inner apostrophes, an emoji or a flag. */
const WORD = /[\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*|\p{RI}\p{RI}|\p{Extended_Pictographic}/gu;

const ENDS_ASKING = /[?？؟\u037e՞፧]["'”’»)\]\s]*$/u;

/** Roles that do not name a speaker. */
const GENERIC_ROLES: ReadonlySet<string> = new Set(['user', 'assistant', 'system', 'tool']);

/** The number of words or terms per slice, which take about half a millisecond. */
const SLICE_TERMS = 128;

/**
 * Returns the index terms of a message in order: each up to four times, at most `TERMS_PER_MESSAGE`
 * different ones. A role that names a speaker is indexed with the content, because people ask what
 * Caroline said.
 */
export function* analyseMessage(message: { role: string; content: string }): Steps<string[]> {
  const { role, content } = message;
  const counts = new Map<string, number>();
  const terms: string[] = [];
  const text = GENERIC_ROLES.has(role.toLowerCase()) ? content : `${role}\n${content}`;
  let seen = 0;
  for (const term of termsOfWords(wordsOf(text))) {
    if (++seen % SLICE_TERMS === 0 || term === undefined) yield;
    if (term === undefined || term === '') continue;
    const count = counts.get(term) ?? 0;
    if (count === MAX_OCCURRENCES) continue;
    counts.set(term, count + 1);
    terms.push(term);
    if (counts.size === TERMS_PER_MESSAGE) break;
  }
  if (ENDS_ASKING.test(content.slice(-20))) terms.push(QUESTION_TERM);
  terms.push(...speakerMarkers(content));
  return terms;
}

/** Like `analyseMessage`, but without pauses. */
export function termsOf(message: { role: string; content: string }): string[] {
  return finish(analyseMessage(message));
}

/** An analysed question. */
export interface Question {
  /** Its terms, each once, at most `TERMS_PER_QUESTION`. */
  terms: string[];
  /** The number of different terms beyond `TERMS_PER_QUESTION`, which are not searched for. */
  omitted: number;
}

/** Analyses a question like a message, but without stop words. */
export function* analyseQuestion(question: string): Steps<Question> {
  const words: string[] = [];
  for (const word of wordsOf(question)) {
    if (word === undefined) yield;
    else words.push(word);
  }
  const terms = new Set<string>();
  let seen = 0;
  for (const term of termsOfWords(withoutStopWords(words))) {
    if (++seen % SLICE_TERMS === 0 || term === undefined) yield;
    if (term !== undefined && term !== '') terms.add(term);
  }
  if (terms.size === 0 && ENDS_ASKING.test(question.slice(-20))) terms.add(QUESTION_TERM);
  const kept = [...terms].slice(0, TERMS_PER_QUESTION);
  return { terms: kept, omitted: terms.size - kept.length };
}

/**
 * The position of the first word of `content` that has one of the terms, in UTF-16 code units; 0 if
 * none is found. Only unnormalized spellings are matched.
 */
export function* firstMatch(content: string, terms: readonly string[]): Steps<number> {
  const wanted = new Set(terms);
  const stemmer = new Stemmer();
  let seen = 0;
  for (const { 0: word, index } of cutAt(content, ANALYSED_LENGTH).matchAll(WORD)) {
    for (const term of allTermsOf(word.toLowerCase(), stemmer)) {
      if (++seen % SLICE_TERMS === 0 || term === undefined) yield;
      if (term !== undefined && wanted.has(term)) return index;
    }
  }
  return 0;
}

/** The words of a text in lower case. Yields `undefined` where the caller may pause. */
function* wordsOf(text: string): Generator<string | undefined> {
  for (const section of plainSections(text)) {
    for (const [word] of section?.matchAll(WORD) ?? []) yield word;
    yield undefined;
  }
}

/** The terms of words, in order; some are empty. Yields `undefined` where the caller may pause. */
function* termsOfWords(words: Iterable<string | undefined>): Generator<string | undefined> {
  const stemmer = new Stemmer();
  for (const word of words) {
    if (word === undefined) {
      yield undefined;
      continue;
    }
    yield* stemmer.termsOf(word);
    yield* stemmer.shortWords();
  }
  yield* stemmer.shortWords(true);
}

/** All terms of one word. */
function* allTermsOf(word: string, stemmer: Stemmer): Generator<string | undefined> {
  yield* stemmer.termsOf(word);
  yield* stemmer.shortWords(true);
}
