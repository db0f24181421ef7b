import type { Server } from '@modelcontextprotocol/server';
import { PROMPTS } from './prompts/index.ts';
import { invalidParams, withProtocolErrors } from './protocol-errors.ts';
import { RESOURCES } from './resources/index.ts';
import type { RunCall } from './run-call.ts';
import type { Context } from './tool.ts';

/** How many completions the protocol allows in one answer. */
const MAX_COMPLETIONS = 100;

/** Puts the completion of identifiers on a server, for resource templates and prompts. */
export function serveCompletion(server: Server, context: Context, run: RunCall): void {
  server.setRequestHandler('completion/complete', (request, call) => {
    const complete = async () => {
      const { ref, argument } = request.params;
      const find =
        ref.type === 'ref/resource'
          ? RESOURCES.find((kind) => kind.uriTemplate === ref.uri)?.complete[argument.name]
          : PROMPTS.find(
              (prompt) => prompt.name === ref.name && prompt.argument.name === argument.name,
            )?.complete;
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
