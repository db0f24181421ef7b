import { LRUCache } from 'lru-cache';
import { cutAt, isAscii } from '../normalizer.ts';
import { partsOfCompound } from './compounds.ts';
import { fold } from './fold.ts';
import { isFrequent, type Language } from './languages.ts';
import { numberTerms } from './numbers.ts';
import { isSemitic, semiticTerms, withEuropeanDigits } from './scripts.ts';
import { commonStem, stemsIn } from './stems.ts';
import { ATOM, afterElision, isNumber, partsOf, TOKEN } from './token.ts';
import { UNSPACED } from './unspaced.ts';

/** The maximum length of a term in UTF-16 code units. Longer words are data, not language. */
const TERM_MAX_LENGTH = 64;

/** The part of a word that is analysed to get such a term, including accents and apostrophes. */
const WORD_MAX_LENGTH = 10 * TERM_MAX_LENGTH;

/** The letters that a word has at least to have a stem of its language. */
const STEM_MIN_LENGTH = 3;

const LOWER_CASE = /^[a-z]+$/;
const LATIN = /^[\p{Script=Latin}\p{M}]+$/u;

/** Hexadecimal identifiers, and the length by which they are usually shortened. */
const HASH = /^(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}$/;
const SHORT_HASH = 7;

/** The languages other than English. Every word has its English stem anyway. */
export type OtherLanguage = Exclude<Language, 'en'>;

/** The terms of a token. */
export interface TokenTerms {
  /** One for each word in it. */
  words: readonly string[];
  /** Those of the parts of the words, and of the words together. */
  parts: readonly string[];
  /** Those of the words' stems in other languages. */
  stems: readonly string[];
  /** What is written without spaces. */
  runs: readonly string[];
}

/** The same while it is being made. */
type Found = { [K in keyof TokenTerms]: string[] };

/** How many tokens are kept in memory with their terms, for each language. */
const KNOWN_TOKENS = 5000;

/** Longer tokens are rare. */
const KNOWN_LENGTH = 32;

/** By the languages that they are of, and by who has the words: most words are those of earlier texts. */
const shared = new LRUCache<string, Words>({ max: 16 });

/**
 * The terms of words in messages, or in a question.
 *
 * @param asked whether the words are a question's
 */
export function wordsIn(languages: readonly OtherLanguage[], asked = false): Words {
  const key = `${asked}:${languages.join()}`;
  const words = shared.get(key) ?? new Words(languages, asked);
  shared.set(key, words);
  return words;
}

/** Produces the terms of tokens; those of one language, or of several if that is not known. */
class Words {
  readonly #known = new Map<string, TokenTerms>();
  readonly #languages: readonly OtherLanguage[];
  readonly #asked: boolean;

  /**
   * @param languages the languages that words may be of, besides English
   * @param asked whether the words are a question's. A question looks for whole words, in every
   *   spelling that a message may use.
   */
  constructor(languages: readonly OtherLanguage[], asked: boolean) {
    this.#languages = languages;
    this.#asked = asked;
  }

  termsOf(token: string): TokenTerms {
    const known = this.#known.get(token);
    if (known !== undefined) return known;
    if (token.length > KNOWN_LENGTH) return this.#analysed(token);
    // A copy: a part of a text would keep all of it in memory.
    const copy = ` ${token}`.slice(1);
    const terms = this.#analysed(copy);
    if (this.#known.size === KNOWN_TOKENS) this.#known.clear();
    this.#known.set(copy, terms);
    return terms;
  }

  #analysed(token: string): TokenTerms {
    const found: Found = { words: [], parts: [], stems: [], runs: [] };
    const isPlain = isAscii(token);
    const text = isPlain ? token : withEuropeanDigits(token);
    const runs = isPlain ? null : text.match(UNSPACED);
    if (runs === null) this.#addText(text, found);
    else {
      found.runs.push(...runs);
      for (const part of text.split(UNSPACED)) {
        const [between] = part.match(TOKEN) ?? [];
        if (between !== undefined) this.#addText(between, found);
      }
    }
    return found;
  }

  /** Adds the terms of a token without runs. */
  #addText(text: string, found: Found): void {
    if (LOWER_CASE.test(text) && text.length <= TERM_MAX_LENGTH) {
      const term = commonStem(text);
      found.words.push(term);
      found.stems.push(...this.#stems(text, term));
      return;
    }
    const [number, ...others] = numberTerms(text) ?? [];
    if (number !== undefined) {
      found.words.push(number);
      found.parts.push(...others);
    } else {
      this.#addAtoms(text, found);
    }
  }

  #addAtoms(text: string, found: Found): void {
    const atoms = text.match(ATOM) ?? [];
    // An emoji, or a flag.
    if (atoms.length === 0) found.words.push(text);
    const bare = atoms.map((atom) => this.#addAtom(atom, found));
    found.parts.push(...joined(bare));
    const sign = SIGN.exec(text)?.[0];
    if (sign !== undefined) found.parts.push(termOf(bare.at(-1) as string) + SIGNS[sign]);
  }

  /** @returns the word in lower case and without apostrophes */
  #addAtom(atom: string, found: Found): string {
    const cut = cutAt(atom, WORD_MAX_LENGTH);
    const cased = cut.replaceAll('`', "'").replace(/'s$/, '');
    const lower = cased.toLowerCase();
    const bare = lower.replaceAll("'", '');
    if (isSemitic(bare)) {
      const [first = '', ...others] = semiticTerms(bare);
      found.words.push(first);
      found.parts.push(...others);
      return bare;
    }
    const term = termOf(bare);
    found.words.push(term);
    if (HASH.test(bare)) found.parts.push(bare.slice(0, SHORT_HASH));
    const elided = afterElision(lower);
    const elidedTerm = elided === undefined ? undefined : termOf(elided);
    if (elidedTerm !== undefined) found.parts.push(elidedTerm);
    for (const part of partsOf(cased)) {
      const own = part.toLowerCase();
      if (own !== bare && (part.length > 1 || isNumber(part))) found.parts.push(termOf(own));
    }
    if (LATIN.test(bare)) {
      found.stems.push(...this.#stems(elided ?? bare, elidedTerm ?? term));
    }
    return bare;
  }

  /** The terms that a word has in languages other than English, without the common one. */
  #stems(word: string, common: string): string[] {
    if (this.#languages.length === 0 || word.length < STEM_MIN_LENGTH) return [];
    if (word.length > TERM_MAX_LENGTH) return [];
    const stems = new Set<string>();
    for (const language of this.#languages) {
      if (!this.#asked && isFrequent(word, language)) continue;
      const forms = language === 'de' ? this.#germanForms(word) : [word];
      for (const form of forms) for (const stem of stemsIn(language, form)) stems.add(stem);
      if (this.#asked) for (const form of forms.slice(1)) stems.add(termOf(form));
    }
    stems.delete(common);
    return [...stems];
  }

  /** A word with its parts, for a message; with its other spellings, for a question. */
  #germanForms(word: string): string[] {
    if (!this.#asked) return [word, ...infinitiveOf(word), ...partsOfCompound(word)];
    const spelt = word.replace(/[äöü]/gu, (letter) => `${fold(letter)}e`);
    const shortened = word.replace(/(?<![aeq])([aou])e/gu, '$1');
    return [word, ...[spelt, shortened].filter((form) => form !== word)];
  }
}

const SIGN = /(?:\+\+|#)$/;

/** Stand for signs that the index takes for spaces. */
const SIGNS: Readonly<Record<string, string>> = { '++': '＋＋', '#': '＃' };

/** The infinitive of a German participle: `gekündigt` is of `kündigen`. */
const infinitiveOf = (word: string) =>
  /^ge.{3,}t$/.test(word) ? [`${word.slice(2, -1).replace(/e$/, '')}en`] : [];

/** What adjacent words make together, and all words: those of `user_id` are found as `userId`. */
function joined(words: readonly string[]): string[] {
  const pairs = words.slice(1).map((word, i) => pairOf(words[i] as string, word));
  return words.length > 2 ? [...pairs, termOf(words.join(''))] : pairs;
}

/** Digits stay apart: 2.14 is not 214. */
function pairOf(before: string, word: string): string {
  const [last] = /\d+$/.exec(before) ?? [];
  const [first] = /^\d+/.exec(word) ?? [];
  return last !== undefined && first !== undefined ? `${last}:${first}` : termOf(before + word);
}

/** The term of a lower-case word without apostrophes. */
function termOf(word: string): string {
  return commonStem(cutAt(fold(word), TERM_MAX_LENGTH));
}
