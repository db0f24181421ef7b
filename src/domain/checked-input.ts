import type { z } from 'zod';
import { invalidArgument } from './errors.ts';
import { lenient } from './lenient-input.ts';
import { type Called, describeValidationErrors } from './validation-errors.ts';

/**
 * Checks what a caller has given, after converting what is clear: see lenient-input.ts.
 *
 * @param note takes a remark for the caller where a value was replaced
 * @throws DomainError INVALID_ARGUMENT when it is wrong
 */
export function checked<Input extends z.ZodObject>(
  given: unknown,
  called: Called & { input: Input },
  note?: (remark: string) => void,
): z.output<Input> {
  const parsed = called.input.safeParse(lenient(called.input, given, note));
  if (parsed.success) return parsed.data;
  throw invalidArgument(describeValidationErrors(parsed.error, called));
}
