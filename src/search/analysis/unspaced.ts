import { cutAt } from '../normalizer.ts';
import { isFunctionWord, isJapaneseFunctionWord } from './function-words.ts';
import { stemOfHangul } from './hangul.ts';

/** The most code units of unspaced runs that are segmented per question, and at once. */
const RUNS_LENGTH = 10_000;
const SEGMENTED_LENGTH = 500;

/** Runs of scripts that write words without spaces, or write particles behind them. */
export const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]+|\p{Script=Hangul}+/gu;

/** Whether a text is only of such scripts, whose sentences do not set a name apart. */
export const isUnspaced = (text: string) => text !== '' && text.replace(UNSPACED, '') === '';

const HANGUL = /^\p{Script=Hangul}/u;
const HAN = /^\p{Script=Han}$/u;
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;
const HIRAGANA = /^\p{Script=Hiragana}+$/u;

/** A character with its marks, such as the vowels of Thai. */
const CLUSTER = /\P{M}\p{M}*|\p{M}+/gu;

/**
 * Two kanji with a verb's ending between them, which may be left out: 締め切り is 締切. Particles are not
 * such endings.
 */
const OKURIGANA =
  /(\p{Script=Han})(?![のはがをにでとへや])\p{Script=Hiragana}{1,2}(?=(\p{Script=Han}))/gu;

let segmenter: Intl.Segmenter | undefined;

/** The words of a run, as far as they are known. */
function segment(run: string): Iterable<{ segment: string }> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'word' });
  return segmenter.segment(run);
}

/**
 * The terms of a run: all pairs of characters, by which any part of it is found wherever its words
 * begin and end, and what may be a word of one character.
 */
export function* runTerms(run: string): Generator<string> {
  let last: string | undefined;
  let count = 0;
  for (const [cluster] of run.matchAll(CLUSTER)) {
    if (last !== undefined) yield last + cluster;
    last = cluster;
    count++;
    if (HAN.test(cluster) && !isFunctionWord(cluster)) yield cluster;
  }
  if (count === 1) yield run;
  if (HANGUL.test(run)) {
    const stem = stemOfHangul(run);
    if (stem !== undefined) yield stem;
  } else {
    yield* withoutOkurigana(run);
  }
}

/** A term of a question, with how much it says: 0 is the most. */
export interface RankedTerm {
  term: string;
  rank: number;
}

/** Terms of this rank are of function words: they are asked for only if there are no others. */
export const FUNCTION_RANK = 9;

/** Ranks the terms of the unspaced runs of one question. */
export class RunQuestion {
  readonly #isFunctionWord: (word: string) => boolean;
  #room = RUNS_LENGTH;

  constructor(question: string) {
    this.#isFunctionWord = KANA.test(question) ? isJapaneseFunctionWord : isFunctionWord;
  }

  /**
   * Pairs within a word come before those across two words and those in hiragana, of which endings
   * are made.
   */
  *of(run: string): Generator<RankedTerm | undefined> {
    if (HANGUL.test(run)) {
      for (const term of runTerms(run)) yield { term, rank: 0 };
      return;
    }
    const known = cutAt(run, this.#room);
    this.#room -= known.length;
    let last: { cluster: string; rank: number } | undefined;
    let count = 0;
    for (const word of wordsOf(known, run)) {
      if (word === undefined) {
        yield undefined;
        continue;
      }
      const rank = this.#rankOf(word);
      const clusters = word.match(CLUSTER) ?? [];
      for (const [i, cluster] of clusters.entries()) {
        if (last !== undefined) {
          const across = i === 0 ? Math.max(last.rank, rank, 1) : rank;
          yield { term: last.cluster + cluster, rank: across };
        }
        last = { cluster, rank };
        count++;
      }
      if (clusters.length === 1 && HAN.test(word) && rank === 0) yield { term: word, rank };
    }
    if (count === 1) yield { term: run, rank: 0 };
    for (const term of withoutOkurigana(run)) yield { term, rank: 0 };
  }

  #rankOf(word: string): number {
    if (this.#isFunctionWord(word)) return FUNCTION_RANK;
    return HIRAGANA.test(word) ? 1 : 0;
  }
}

/** The words of a run, piece by piece; what is left beyond the known part is one word. */
function* wordsOf(known: string, run: string): Generator<string | undefined> {
  for (let start = 0; start < known.length; ) {
    const piece = cutAt(known.slice(start), SEGMENTED_LENGTH);
    for (const { segment: word } of segment(piece)) yield word;
    yield undefined;
    start += piece.length;
  }
  if (known.length < run.length) yield run.slice(known.length);
}

function* withoutOkurigana(run: string): Generator<string> {
  for (const [, first, second] of run.matchAll(OKURIGANA)) yield `${first}${second}`;
}
