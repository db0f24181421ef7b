import { z } from 'zod';

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

/** A schema for text of `min` to `max` bytes of UTF-8 that both stores keep byte for byte. */
export function text(name: string, min: 0 | 1, max: number) {
  return z
    .string()
    .superRefine((value, context) => {
      const problem = lengthProblem(value, min, max) ?? textProblem(value);
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
 * A schema for an arbitrary identifier chosen by the caller: non-empty, at most 1,024 bytes of
 * UTF-8, case-sensitive, kept byte for byte.
 */
export function identifier(description: string) {
  return text('identifier', 1, IDENTIFIER_MAX_BYTES).meta({ description });
}
