import { z } from 'zod';

/** The longest `session_id` or `user_id`, in bytes of UTF-8. */
export const IDENTIFIER_MAX_BYTES = 1024;

/** What is wrong with `value` as text that both stores keep byte for byte, or `undefined`. */
export function textProblem(value: string): string | undefined {
  if (!value.isWellFormed()) {
    return 'holds a lone surrogate, which is not valid Unicode: remove it';
  }
  if (value.includes('\0')) return 'holds a NUL character (U+0000): remove it';
  return undefined;
}

function identifierProblem(value: string): string | undefined {
  if (value === '') return 'must not be empty';
  const bytes = Buffer.byteLength(value);
  if (bytes > IDENTIFIER_MAX_BYTES) {
    return `is ${bytes} bytes of UTF-8, and at most ${IDENTIFIER_MAX_BYTES} are allowed: use a shorter identifier`;
  }
  return textProblem(value);
}

/**
 * A schema for an arbitrary identifier chosen by the caller: non-empty, at most 1,024 bytes of
 * UTF-8, case-sensitive, kept byte for byte.
 */
export function identifier(description: string) {
  return z
    .string()
    .superRefine((value, context) => {
      const problem = identifierProblem(value);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .meta({ description, minLength: 1, maxLength: IDENTIFIER_MAX_BYTES });
}
