import type { RequestMethod, Result, Server, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { checked } from '../domain/checked-input.ts';
import { withProtocolErrors } from './answer/protocol-errors.ts';

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
