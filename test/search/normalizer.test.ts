import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANALYSED_LENGTH, plainSections, SPARE_LENGTH } from '../../src/search/normalizer.ts';

const sections = (text: string) => [...plainSections(text)].filter((one) => one !== undefined);
const plain = (text: string) => sections(text).join('');
const atOnce = (text: string) => text.normalize('NFKC').toLowerCase();

describe('a text that is made plain in pieces', () => {
  const piece = fc.constantFrom(
    ...['plain words, ', 'Ärger ', 'e\u0301', '\u1100\u1161', '\u11a8', '가', '\u11a8', 'ﾊ', 'ﾞ'],
    ...['漢字', 'か', '\u3099', 'ก\u0e33', 'ㅎ', 'ㅏ', '🦊', '👨‍👩‍👧‍👦', '۔ ', 'ﬁ', '½', '\n'],
  );

  it('is the same as one that is made so at once', () => {
    const texts = fc.array(fc.tuple(piece, fc.integer({ min: 1, max: 40 })), { maxLength: 60 });
    fc.assert(
      fc.property(texts, (parts) => {
        // Of more than eight marks on one letter the others are left out.
        const text = parts
          .map(([one, times]) => one.repeat(/^\p{M}/u.test(one) ? 1 : times))
          .join('')
          .replace(/(\p{M}{4})\p{M}+/gu, '$1');
        expect(plain(text)).toBe(atOnce(text));
      }),
    );
  });

  it('has nothing torn apart that Unicode puts together, wherever it stands', () => {
    const torn: string[] = [];
    for (const pair of composed()) {
      for (const before of [498, 499, 500]) {
        const text = `é${'x'.repeat(before - 2)}${pair}`;
        if (plain(text) !== atOnce(text)) torn.push(`${spelt(pair)} after ${before}`);
      }
    }
    expect(torn).toEqual([]);
  });

  it('has no word in two sections', () => {
    const long = `é${'x'.repeat(5000)}`;
    expect(sections(`${'Wort '.repeat(399)}${long} ${'Wort '.repeat(399)}${long}`)).toEqual([
      `${'wort '.repeat(399)}${long}`,
      ` ${'wort '.repeat(399)}${long}`,
    ]);
  });

  it.each([
    ['a text that grows', '\ufdfa', 5000],
    ['a text that grows, in words', '\ufdfa ', 5000],
    ['a long text', 'Wörter ', 200_000],
    ['a long text of letters that grow', '\ufdfa', 200_000],
    ['a long text in ASCII', 'words ', 200_000],
    ['a long word', 'é', 1_000_000],
  ])('is bounded by its bytes and by what is analysed: %s', (_what, repeated, times) => {
    const text = repeated.repeat(times);
    const most = Math.min(ANALYSED_LENGTH, Buffer.byteLength(text)) + SPARE_LENGTH;
    expect(plain(text).length).toBeLessThanOrEqual(most);
    expect(plain(text).isWellFormed()).toBe(true);
  });
});

const spelt = (text: string) =>
  [...text].map((one) => `U+${one.codePointAt(0)?.toString(16)}`).join(' ');

/** What NFC puts together from two characters, and what NFKC makes such a pair of. */
function composed(): Set<string> {
  const pairs = new Set<string>(['\uac00\u11a8', '\u1100\u1161', 'ㅎㅏ', 'ﾡￂ', 'ﾊﾞ', 'ﾊﾟ']);
  for (let code = 0x80; code <= 0x1ffff; code++) {
    // Each syllable of Hangul is put together in the same way.
    if (code === 0xac00) code = 0xe000;
    const character = String.fromCodePoint(code);
    const parts = [...character.normalize('NFD')];
    if (parts.length > 1 && character.normalize('NFC') === character) {
      pairs.add(parts.slice(0, -1).join('').normalize('NFC') + parts.at(-1));
    }
    const first = [...character.normalize('NFKD')][0] as string;
    if (character !== first && /^\p{M}/u.test(first)) pairs.add(`a${character}`);
  }
  return pairs;
}
