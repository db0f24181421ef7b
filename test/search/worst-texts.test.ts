import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Steps } from '../../src/search/analyzer.ts';
import {
  analyseMessage,
  analyseQuestion,
  firstMatch,
  TERMS_PER_MESSAGE,
} from '../../src/search/analyzer.ts';
import { ANALYSED_LENGTH, SPARE_LENGTH } from '../../src/search/normalizer.ts';

/** The longest content that a message may have, in bytes. */
const MEBIBYTE = 1024 * 1024;

/** How many code units are normalised and segmented between two steps at the most: a millisecond or two. */
const STEP_AT_MOST = 12_000;

/** What is asked of Unicode while work is done, in code units that go in and come out. */
interface Work {
  normalised: number;
  segmented: number;
  /** The most of both between two steps. */
  inOneStep: number;
  steps: number;
}

/** Does all steps, and counts. */
function count(steps: Steps<unknown>): Work {
  const work: Work = { normalised: 0, segmented: 0, inOneStep: 0, steps: 0 };
  const normalize = String.prototype.normalize;
  vi.spyOn(String.prototype, 'normalize').mockImplementation(function (this: string, form) {
    const result = normalize.call(this, form);
    work.normalised += this.length + result.length;
    return result;
  });
  const segment = Intl.Segmenter.prototype.segment;
  vi.spyOn(Intl.Segmenter.prototype, 'segment').mockImplementation(function (
    this: Intl.Segmenter,
    text,
  ) {
    work.segmented += text.length;
    return segment.call(this, text);
  });
  for (let before = 0, done: boolean | undefined = false; !done; work.steps++) {
    done = steps.next().done;
    const now = work.normalised + work.segmented;
    work.inOneStep = Math.max(work.inOneStep, now - before);
    before = now;
  }
  vi.restoreAllMocks();
  return work;
}

/** A text of so many bytes, or a little less, that repeats a piece. */
function filled(piece: string, bytes: number): string {
  return piece.repeat(Math.max(1, Math.floor(bytes / Buffer.byteLength(piece))));
}

const english = (bytes: number) =>
  Array.from({ length: bytes / 8 }, (_, i) => `w${(i * 7919).toString(36).padStart(6, 'o')}`)
    .join(' ')
    .slice(0, bytes);

/** Pieces that are worst for one part of the analysis or another. */
const WORST: Record<string, string> = JSON.parse(
  readFileSync(new URL('worst-texts.json', import.meta.url), 'utf8'),
);

const SIZES = [15_000, MEBIBYTE];
const CASES = Object.entries(WORST).flatMap(([kind, piece]) =>
  SIZES.map((bytes) => [kind, bytes, filled(piece, bytes)] as const),
);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the work that a message makes is bounded by its bytes, whatever is in it', () => {
  it.each(CASES)('%s, %d bytes', (_kind, bytes, content) => {
    const work = count(analyseMessage({ role: 'user', content }));
    const analysed = Math.min(ANALYSED_LENGTH, bytes) + SPARE_LENGTH;
    expect(work.normalised).toBeLessThanOrEqual(3 * analysed);
    expect(work.segmented).toBeLessThanOrEqual(11_000);
    expect(work.inOneStep).toBeLessThanOrEqual(STEP_AT_MOST);
  });

  it('every character that becomes more than two', () => {
    const problems: string[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      if (character.normalize('NFKC').length <= 2 * character.length) continue;
      const content = filled(character, 3_000);
      const { normalised, inOneStep } = count(analyseMessage({ role: 'user', content }));
      if (normalised > 3 * (3_000 + SPARE_LENGTH) || inOneStep > STEP_AT_MOST) {
        problems.push(`U+${code.toString(16)}: ${normalised}, ${inOneStep}`);
      }
    }
    expect(problems).toEqual([]);
  });

  it('a message of many words, of which no more is looked at than makes its terms', () => {
    const words = `é ${english(MEBIBYTE)}`;
    const all = count(analyseMessage({ role: 'user', content: words }));
    // A word takes eight code units here.
    expect(all.normalised).toBeLessThan(2 * 2 * 8 * TERMS_PER_MESSAGE);
  });
});

describe('the work that a question makes', () => {
  const questions = Object.entries(WORST).map(
    ([kind, piece]) => [kind, filled(piece, 60_000).slice(0, 20_000).toWellFormed()] as const,
  );

  it.each(questions)('is bounded: %s', (_kind, question) => {
    const work = count(analyseQuestion(question));
    expect(work.normalised).toBeLessThanOrEqual(3 * (60_000 + SPARE_LENGTH));
    expect(work.segmented).toBeLessThanOrEqual(11_000);
    expect(work.inOneStep).toBeLessThanOrEqual(STEP_AT_MOST);
  });
});

describe('to look where a message matches', () => {
  it.each(CASES)('takes work that is bounded: %s, %d bytes', (_kind, _bytes, content) => {
    const work = count(firstMatch(content, ['nowhere']));
    expect(work.normalised).toBeLessThanOrEqual(4 * ANALYSED_LENGTH);
    expect(work.segmented).toBeLessThanOrEqual(11_000);
    expect(work.inOneStep).toBeLessThanOrEqual(STEP_AT_MOST);
  });
});
