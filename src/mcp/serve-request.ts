import type { RequestMethod, Result, Server, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { invalidArgument } from '../domain/errors.ts';
import { lenient } from '../domain/lenient-input.ts';
import { withProtocolErrors } from './answer/protocol-errors.ts';
import { describeValidationErrors } from './answer/validation-errors.ts';

/** What the SDK checks. */
const ANYTHING = z.looseObject({});

/** The parameters of lists. */
export const listParams = z.looseObject({ cursor: z.string().optional() });

/** The parameters of a request about one resource. */
export const uriParams = z.looseObject({ uri: z.string() });

/**
 * Registers the handler of a method other than `tools/call`, and converts its `DomainError`s. Wrong
 * parameters get the same error text as wrong tool arguments. The SDK would report them as an internal
 * error, with its validator's message.
 */
export function serveRequest<Params extends z.ZodObject>(
  server: Server,
  method: RequestMethod,
  params: Params,
  handle: (params: z.output<Params>, call: ServerContext) => Promise<Result> | Result,
): void {
  server.setRequestHandler(method, { params: ANYTHING }, (given, call) => {
    const answer = async () =>
      handle(checked(given, { name: method, input: params }), call) as Promise<Result>;
    return withProtocolErrors(answer());
  });
}

/**
 * Checks what a caller has given, after converting what is clear: see lenient-input.ts.
 *
 * @param note takes a remark for the caller where a value was replaced
 * @throws DomainError INVALID_ARGUMENT when it is wrong
 */
export function checked<Input extends z.ZodObject>(
  given: unknown,
  called: { name: string; input: Input },
  note?: (remark: string) => void,
): z.output<Input> {
  const parsed = called.input.safeParse(lenient(called.input, given, note));
  if (parsed.success) return parsed.data;
  throw invalidArgument(describeValidationErrors(parsed.error, called));
}
