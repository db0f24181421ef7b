/** Points that Hebrew and Arabic usually omit, and the Arabic stretching mark. */
const POINTS =
  /[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]/gu;

const ARABIC = /^\p{Script=Arabic}/u;
const HEBREW = /^\p{Script=Hebrew}/u;

/** Arabic letters that are written in several ways: with or without hamza, and as in Persian. */
const ARABIC_LETTERS: Readonly<Record<string, string>> = {
  ...{ أ: 'ا', إ: 'ا', آ: 'ا', ٱ: 'ا', ى: 'ي', ئ: 'ي', ؤ: 'و', ة: 'ه', ء: '' },
  ...{ ک: 'ك', ی: 'ي', ە: 'ه', ہ: 'ه', ھ: 'ه' },
};
const ARABIC_LETTER = new RegExp(`[${Object.keys(ARABIC_LETTERS).join('')}]`, 'gu');

/** The article, also behind a conjunction or preposition. */
const ARTICLE = /^(?:[وف]?(?:[بك]?ال|لل))(?=..)/u;

/** Regular endings: feminine, dual, plural. */
const ARABIC_ENDING = /(?<=...)(?:ات|ان|ين|ون|يه|ه)$/u;

/** One-letter words that are written together with the next word. */
const ARABIC_PREFIX = /^[وفبلك](?=...)/u;
const HEBREW_PREFIX = /^(?:[וש]?[הבכלמ]|כש|ו|ש)(?=...)/u;

const DIGITS = /[٠-٩۰-۹]/gu;

/** Whether a word is in a script that this file knows. */
export const isSemitic = (word: string) => ARABIC.test(word) || HEBREW.test(word);

/** Arabic and Persian digits as European ones. */
export const withEuropeanDigits = (text: string) =>
  text.replace(DIGITS, (digit) => String((digit.codePointAt(0) as number) & 15));

/**
 * The terms of an Arabic or Hebrew word, without points: itself, and what is left without a letter that
 * may be a word of its own.
 */
export function semiticTerms(word: string): string[] {
  const bare = word.replace(POINTS, '');
  if (!ARABIC.test(word)) return withAndWithout(bare, HEBREW_PREFIX);
  const plain = bare.replace(ARABIC_LETTER, (letter) => ARABIC_LETTERS[letter] as string);
  const stemOf = (form: string) => form.replace(ARABIC_ENDING, '');
  const stem = plain.replace(ARTICLE, '');
  if (stem !== plain) return [stemOf(stem)];
  return withAndWithout(plain, ARABIC_PREFIX).map(stemOf);
}

function withAndWithout(word: string, prefix: RegExp): string[] {
  const rest = word.replace(prefix, '');
  return rest === word ? [word] : [word, rest];
}
