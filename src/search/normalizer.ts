/** How much of a text is analysed, in UTF-16 code units. */
export const ANALYSED_LENGTH = 100_000;

/**
 * What is analysed may become no longer than that, nor than it is in bytes of UTF-8, this many code
 * units aside. No language does, but U+FDFA alone becomes eighteen letters.
 */
export const SPARE_LENGTH = 1000;

/** How long a section is at least, in code units, unless the text ends there. */
const SECTION_LENGTH = 2000;

/** How much is normalised at once, in code units: it may become eighteen times as long. */
const PIECE_LENGTH = 500;

/** What is in no word, and does not change with what stands before it. */
const BREAK = /[\s!-&(-/:-@[-`{-~、。，！？]/g;

/** What normalisation may put together, or into another order, with what stands before it. */
const JOINS =
  /^[\p{M}\u0e33\u0eb3\u1160-\u11ff\u3131-\u318e\ud7b0-\ud7ff\uff9e-\uffdc\u{16d67}\u{16d68}]/u;

/** More marks on one letter mean nothing, and putting them in order takes the square of their number. */
const PILED_MARKS = /(\p{M}{8})\p{M}+/gu;

const ASCII = /^[\0-\x7f]*$/;

/**
 * A text in lower case, and written in one way where Unicode has several (NFKC), section by section.
 * No word is in two sections. Together they have at most as many code units as is said above;
 * nothing is computed before it is asked for.
 *
 * @returns `undefined` in between, after work that has not come to a section yet
 */
export function* plainSections(text: string): Generator<string | undefined, void> {
  const analysed = cutAt(text, ANALYSED_LENGTH);
  let room = Math.min(ANALYSED_LENGTH, Buffer.byteLength(analysed)) + SPARE_LENGTH;
  for (let start = 0; start < analysed.length && room > 0; ) {
    const end = sectionEnd(analysed, start);
    const section = analysed.slice(start, end);
    const plain = ASCII.test(section) ? section.toLowerCase() : yield* normalised(section, room);
    const kept = cutAt(plain, room);
    yield kept;
    room -= kept.length;
    start = end;
  }
}

/** The first `length` code units of a text, or one less where that would leave half a character. */
export function cutAt(text: string, length: number): string {
  if (text.length <= length) return text;
  return text.slice(0, isLowSurrogate(text, length) ? length - 1 : length);
}

function sectionEnd(text: string, start: number): number {
  BREAK.lastIndex = start + SECTION_LENGTH;
  return BREAK.exec(text)?.index ?? text.length;
}

/** Normalises a section, piece by piece, until there is more of it than there is room for. */
function* normalised(section: string, room: number): Generator<undefined, string> {
  let plain = '';
  for (let start = 0; start < section.length && plain.length < room; ) {
    const end = pieceEnd(section, start);
    plain += section
      .slice(start, end)
      .replace(PILED_MARKS, '$1')
      .normalize('NFKC')
      .replace(/[’‘ʼ]/gu, "'")
      .toLowerCase();
    start = end;
    yield;
  }
  return plain;
}

/** Where a piece ends: where nothing is torn apart, if there is such a place in its second half. */
function pieceEnd(text: string, start: number): number {
  const most = start + PIECE_LENGTH;
  if (most >= text.length) return text.length;
  for (let end = most; end > most - PIECE_LENGTH / 2; end--) {
    if (!isLowSurrogate(text, end) && !JOINS.test(text.slice(end, end + 2))) return end;
  }
  return isLowSurrogate(text, most) ? most - 1 : most;
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
