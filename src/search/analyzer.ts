import { canonicalRole } from '../domain/roles.ts';
import { LANGUAGES, type Language, languagesOf } from './analysis/languages.ts';
import { SpacedNumbers } from './analysis/numbers.ts';
import { type Token, tokensOf } from './analysis/sections.ts';
import { TOKEN } from './analysis/token.ts';
import { FUNCTION_RANK, RunQuestion, runTerms } from './analysis/unspaced.ts';
import { type OtherLanguage, wordsIn } from './analysis/words.ts';
import { ANALYSED_LENGTH, cutAt } from './normalizer.ts';
import { speakerMarkers } from './speaker.ts';
import { isEnglish, withoutStopWords } from './stop-words.ts';

/**
 * The number of the analysis. Any change of the terms of messages increases it: messages that were
 * stored under an earlier number are then analysed anew.
 */
export const ANALYSIS_VERSION = 2;

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
  const isGeneric = GENERIC_ROLES.has(role) || GENERIC_ROLES.has(canonicalRole(role));
  const text = isGeneric ? content : `${role}\n${content}`;
  const { terms } = yield* termsOfText(text);
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
  /** The number of different words beyond `TERMS_PER_QUESTION`, which are not searched for. */
  omitted: number;
}

/**
 * Analyses a question like a message, but without words that say nothing. A question of unknown
 * language has the stems of all languages: a message has those of its own.
 */
export function* analyseQuestion(question: string): Steps<Question> {
  const tokens: Token[] = [];
  for (const section of tokensOf(question)) {
    tokens.push(...section.tokens);
    yield;
  }
  const ranks = yield* rankedTerms(tokens);
  if (ranks.size === 0 && ENDS_ASKING.test(question.slice(-20))) ranks.set(QUESTION_TERM, 0);
  const sorted = [...ranks].sort(([, a], [, b]) => a - b);
  const saying = sorted.filter(([, rank]) => rank < FUNCTION_RANK);
  const all = saying.length > 0 ? saying : sorted;
  const left = all.slice(TERMS_PER_QUESTION);
  return {
    terms: all.slice(0, TERMS_PER_QUESTION).map(([term]) => term),
    omitted: left.filter(([, rank]) => rank === RANK.word || saying.length === 0).length,
  };
}

/**
 * The position of the first word of `content` that has one of the terms, in UTF-16 code units; 0 if
 * none is found. Only unnormalized spellings are matched.
 */
export function* firstMatch(content: string, terms: readonly string[]): Steps<number> {
  const wanted = new Set(terms);
  const text = cutAt(content, ANALYSED_LENGTH);
  const words = wordsIn(messageLanguages(text.slice(0, LANGUAGE_LENGTH).match(TOKEN) ?? []));
  let seen = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const found = words.termsOf(token);
    for (const term of [...found.words, ...found.parts, ...found.stems]) {
      if (++seen % SLICE_TERMS === 0) yield;
      if (wanted.has(term)) return index;
    }
    for (const run of found.runs) {
      for (const term of runTerms(run)) {
        if (++seen % SLICE_TERMS === 0) yield;
        if (wanted.has(term)) return index;
      }
    }
  }
  return 0;
}

/** How much of a text tells its language. */
const LANGUAGE_LENGTH = 1000;

/** Collects the terms of a message. */
class MessageTerms {
  /** Each up to `MAX_OCCURRENCES` times, at most `TERMS_PER_MESSAGE` different ones. */
  readonly terms: string[] = [];
  readonly #counts = new Map<string, number>();
  #seen = 0;

  get isFull(): boolean {
    return this.#counts.size === TERMS_PER_MESSAGE;
  }

  add(term: string): void {
    this.#seen += 1;
    if (term === '' || this.isFull) return;
    const count = this.#counts.get(term) ?? 0;
    if (count === MAX_OCCURRENCES) return;
    this.#counts.set(term, count + 1);
    this.terms.push(term);
  }

  addAll(some: readonly string[]): void {
    for (const term of some) this.add(term);
  }

  /** Whether enough was done since the last time that this was true. */
  isSliceOver(): boolean {
    if (this.#seen < SLICE_TERMS) return false;
    this.#seen = 0;
    return true;
  }
}

/** The terms of a message's text, in order. */
function* termsOfText(text: string): Steps<MessageTerms> {
  const all = new MessageTerms();
  let numbers: SpacedNumbers | undefined;
  for (const { tokens, hasDigits } of tokensOf(text)) {
    yield;
    if (hasDigits) numbers ??= new SpacedNumbers();
    const words = wordsIn(messageLanguages(tokens.map((token) => token.text)));
    for (const token of tokens) {
      const found = words.termsOf(token.text);
      all.addAll(found.words);
      all.addAll(found.parts);
      all.addAll(found.stems);
      for (const run of found.runs) {
        for (const term of runTerms(run)) {
          all.add(term);
          if (all.isSliceOver()) yield;
        }
      }
      if (numbers !== undefined) all.addAll(numbers.next(token.text, token.follows));
      if (all.isFull) return all;
      if (all.isSliceOver()) yield;
    }
  }
  if (numbers !== undefined) all.addAll(numbers.end());
  return all;
}

/** How much a term of a question says: the smaller the rank, the more. */
const RANK = { word: 0, part: 1, stem: 2 } as const;

/** The terms of a question, with their ranks. */
function* rankedTerms(tokens: readonly Token[]): Steps<Map<string, number>> {
  const texts = tokens.map((token) => token.text.toLowerCase());
  const said = new Set(withoutStopWords(texts));
  const words = wordsIn(isEnglish(texts) ? [] : questionLanguages(texts), true);
  const runs = new RunQuestion(texts.join(' '));
  const numbers = new SpacedNumbers();
  const ranks = new Map<string, number>();
  let seen = 0;
  const add = (term: string, rank: number) => {
    seen++;
    if (term !== '') ranks.set(term, Math.min(rank, ranks.get(term) ?? rank));
  };
  const addAll = (terms: readonly string[], rank: number) => {
    for (const term of terms) add(term, rank);
  };
  for (const [i, token] of tokens.entries()) {
    if (seen >= SLICE_TERMS) {
      seen = 0;
      yield;
    }
    const lower = texts[i] as string;
    addAll(numbers.next(lower, token.follows), RANK.part);
    if (!said.has(lower)) continue;
    const found = words.termsOf(token.text);
    addAll(found.words, RANK.word);
    addAll(found.parts, RANK.part);
    addAll(found.stems, RANK.stem);
    for (const run of found.runs) {
      for (const ranked of runs.of(run)) {
        if (ranked !== undefined) add(ranked.term, ranked.rank);
        if (ranked === undefined || seen % SLICE_TERMS === 0) yield;
      }
    }
  }
  addAll(numbers.end(), RANK.part);
  return ranks;
}

const isOther = (language: Language): language is OtherLanguage => language !== 'en';

/**
 * The language of a section of a message, if it is one of those that have stems of their own; two if
 * both may be, such as Spanish and Portuguese.
 */
function messageLanguages(words: readonly string[]): OtherLanguage[] {
  const languages = languagesOf(words);
  return languages.length <= 2 && languages.every(isOther) ? languages : [];
}

/** The languages that a question may be in, other than English. One word tells no language. */
function questionLanguages(words: readonly string[]): OtherLanguage[] {
  const languages = words.length > 1 ? languagesOf(words) : [];
  const possible: readonly Language[] = languages.length === 0 ? LANGUAGES : languages;
  return possible.filter(isOther);
}
