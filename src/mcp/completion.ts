import type { CompleteRequestParams, Server } from '@modelcontextprotocol/server';
import { invalidParams, withProtocolErrors } from './answer/protocol-errors.ts';
import type { RunCall } from './calls/run-call.ts';
import { PROMPTS } from './prompts/index.ts';
import { RESOURCES } from './resources/index.ts';
import type { Completer } from './resources/resource-uri.ts';
import type { Context } from './tool.ts';

/** The most completions that the protocol allows in one answer. */
const MAX_COMPLETIONS = 100;

/** Registers the completion of identifiers, for resource templates and prompts. */
export function serveCompletion(server: Server, context: Context, run: RunCall): void {
  server.setRequestHandler('completion/complete', (request, call) => {
    const complete = async () => {
      const { ref, argument } = request.params;
      const find = completerOf(ref, argument.name);
      if (find === undefined) {
        throw invalidParams(
          'There is nothing to complete under that reference. resources/templates/list and prompts/list show what can be completed.',
        );
      }
      const found = await find(argument.value, MAX_COMPLETIONS + 1, context);
      return {
        completion: {
          values: found.slice(0, MAX_COMPLETIONS),
          hasMore: found.length > MAX_COMPLETIONS,
        },
      };
    };
    return withProtocolErrors(run({ method: 'completion/complete' }, call, complete));
  });
}

/** The completer of an argument, or `undefined` if it has none. */
function completerOf(ref: CompleteRequestParams['ref'], argument: string): Completer | undefined {
  if (ref.type === 'ref/prompt') {
    const prompt = PROMPTS.find(({ name }) => name === ref.name);
    return prompt?.argument.name === argument ? prompt.complete : undefined;
  }
  const complete = RESOURCES.find(({ uriTemplate }) => uriTemplate === ref.uri)?.complete;
  // An own property: every object inherits a `constructor`.
  return complete && Object.hasOwn(complete, argument) ? complete[argument] : undefined;
}
