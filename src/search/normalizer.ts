/** The most of a text that is analysed, in UTF-16 code units. */
export const ANALYSED_LENGTH = 100_000;

/**
 * Normalized text may exceed neither `ANALYSED_LENGTH` nor its own length in UTF-8 bytes by more
 * than this many code units. Natural language never does, but U+FDFA alone expands to eighteen
 * letters.
 */
export const SPARE_LENGTH = 1000;

/** The minimum length of a section in code units, unless the text ends earlier. */
const SECTION_LENGTH = 2000;

/** The code units normalized at once. The result may be eighteen times as long. */
const PIECE_LENGTH = 500;

/** Characters that are part of no word and do not combine with the preceding one. */
const BREAK = /[\s!-&(-/:-@[-`{-~、。，！？]/g;

/** Characters that normalization may combine or reorder with the preceding ones. */
const JOINS =
  /^[\p{M}\u0e33\u0eb3\u1160-\u11ff\u3131-\u318e\ud7b0-\ud7ff\uff9e-\uffdc\u{16d67}\u{16d68}]/u;

/** Invisible characters, and characters that writers use as an apostrophe. */
const UNSEEN = /[\u00ad\u200b\u200c\u2060\ufeff]/g;
const APOSTROPHES = /[´’‘‛ʼʹˈ′＇]/g;

/** Excess marks on one letter carry no meaning, and sorting them takes quadratic time. */
const PILED_MARKS = /(\p{M}{8})\p{M}+/gu;

const ASCII = /^[\0-\x7f]*$/;

export const isAscii = (text: string): boolean => ASCII.test(text);

/**
 * Normalizes a text to NFKC, and to lower case unless `keepCase`, section by section. No word spans two sections. The
 * total length is limited as documented above. Sections are computed lazily.
 *
 * @returns the sections, with `undefined` in between where the caller may pause
 */
export function* plainSections(
  text: string,
  { keepCase = false } = {},
): Generator<string | undefined, void> {
  const inCase = (plain: string) => (keepCase ? plain : plain.toLowerCase());
  const analysed = cutAt(text, ANALYSED_LENGTH);
  let room = Math.min(ANALYSED_LENGTH, Buffer.byteLength(analysed)) + SPARE_LENGTH;
  for (let start = 0; start < analysed.length && room > 0; ) {
    const end = sectionEnd(analysed, start);
    const section = analysed.slice(start, end);
    const plain = isAscii(section) ? section : yield* normalised(section, room);
    const kept = cutAt(inCase(plain), room);
    yield kept;
    room -= kept.length;
    start = end;
  }
}

/** The first `length` code units of a text, or one less to avoid splitting a surrogate pair. */
export function cutAt(text: string, length: number): string {
  if (text.length <= length) return text;
  return text.slice(0, isLowSurrogate(text, length) ? length - 1 : length);
}

function sectionEnd(text: string, start: number): number {
  BREAK.lastIndex = start + SECTION_LENGTH;
  return BREAK.exec(text)?.index ?? text.length;
}

/** Normalizes a section in pieces, until the result exceeds `room`. */
function* normalised(section: string, room: number): Generator<undefined, string> {
  let plain = '';
  for (let start = 0; start < section.length && plain.length < room; ) {
    const end = pieceEnd(section, start);
    plain += section
      .slice(start, end)
      .replace(PILED_MARKS, '$1')
      .replace(APOSTROPHES, "'")
      .replace(UNSEEN, '')
      .normalize('NFKC');
    start = end;
    yield;
  }
  return plain;
}

/**
 * The end of a piece: a position in its second half that splits no character sequence, if there is
 * one.
 */
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
