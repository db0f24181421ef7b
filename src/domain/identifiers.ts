import { z } from 'zod';
import { INVISIBLE, quoted } from './errors.ts';

/** The longest `session_id` or `user_id`, in bytes of UTF-8. */
export const IDENTIFIER_MAX_BYTES = 1024;

/**
 * Returns what is wrong with `value` as text that both stores keep byte for byte, or `undefined`.
 */
export function textProblem(value: string): string | undefined {
  if (!value.isWellFormed()) {
    return 'holds a lone surrogate, which is not valid Unicode: remove it';
  }
  if (value.includes('\0')) return 'holds a NUL character (U+0000): remove it';
  return undefined;
}

/**
 * A schema for text of `min` to `max` bytes of UTF-8 that both stores keep byte for byte.
 *
 * @param furtherProblem says what else is wrong with a text
 */
export function text(
  name: string,
  min: 0 | 1,
  max: number,
  furtherProblem?: (value: string) => string | undefined,
) {
  return z
    .string()
    .superRefine((value, context) => {
      const problem =
        lengthProblem(value, min, max) ?? textProblem(value) ?? furtherProblem?.(value);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .meta({ minLength: min, maxLength: max, description: `${name}, up to ${max} bytes.` });
}

function lengthProblem(value: string, min: number, max: number): string | undefined {
  if (value.length < min) return 'must not be empty';
  const bytes = Buffer.byteLength(value);
  return bytes > max
    ? `is ${bytes} bytes of UTF-8, and at most ${max} are allowed: shorten it`
    : undefined;
}

/**
 * Invisible characters that change how their neighbours look, and so are part of a word or an emoji:
 * a variation selector, a joiner between emoji, and one between the letters of a script that joins.
 */
const VISIBLE_EFFECT = new RegExp(
  [
    '(?<=\\S)[\\ufe0e\\ufe0f]',
    '(?<=\\p{Extended_Pictographic}|\\p{EMod}|\\ufe0f)\\u200d(?=\\p{Extended_Pictographic})',
    '(?<=\\p{M}|\\p{Script=Arabic}|\\p{Script=Syriac}|\\p{Script=Mongolian})[\\u200c\\u200d](?=\\p{L})',
  ].join('|'),
  'gu',
);

/**
 * Returns what is wrong with `value` as an identifier, or `undefined`. What cannot be seen is refused:
 * the record could not be found again by anybody who reads or types the identifier.
 */
function identifierProblem(value: string): string | undefined {
  if (value !== value.trim()) {
    return `${quoted(value)} begins or ends with white space: remove it`;
  }
  const [character] = value.replace(VISIBLE_EFFECT, '').match(INVISIBLE) ?? [];
  if (character === undefined) return undefined;
  const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
  return `${quoted(value)} has a character that cannot be seen (U+${code}): remove it`;
}

/**
 * A schema for an arbitrary identifier chosen by the caller: non-empty, at most 1,024 bytes of
 * UTF-8, case-sensitive, kept byte for byte; no white space at its ends, nothing invisible in it.
 */
export function identifier(description: string) {
  return text('identifier', 1, IDENTIFIER_MAX_BYTES, identifierProblem).meta({ description });
}
