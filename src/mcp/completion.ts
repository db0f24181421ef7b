import type { Server } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { invalidParams } from './answer/protocol-errors.ts';
import type { RunCall } from './calls/run-call.ts';
import { PROMPTS } from './prompts/index.ts';
import { RESOURCES } from './resources/index.ts';
import type { Completer } from './resources/resource-uri.ts';
import { serveRequest } from './serve-request.ts';
import type { Context } from './tool.ts';

/** The most completions that the protocol allows in one answer. */
const MAX_COMPLETIONS = 100;

const reference = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('ref/prompt'), name: z.string() }),
  z.looseObject({ type: z.literal('ref/resource'), uri: z.string() }),
]);

const completeParams = z.looseObject({
  ref: reference,
  argument: z.looseObject({ name: z.string(), value: z.string() }),
});

/** Registers the completion of identifiers, for resource templates and prompts. */
export function serveCompletion(server: Server, context: Context, run: RunCall): void {
  serveRequest(server, 'completion/complete', completeParams, ({ ref, argument }, call) => {
    const complete = async () => {
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
    return run({ method: 'completion/complete' }, call, complete);
  });
}

/** The completer of an argument, or `undefined` if it has none. */
function completerOf(ref: z.output<typeof reference>, argument: string): Completer | undefined {
  if (ref.type === 'ref/prompt') {
    const prompt = PROMPTS.find(({ name }) => name === ref.name);
    return prompt?.argument.name === argument ? prompt.complete : undefined;
  }
  const complete = RESOURCES.find(({ uriTemplate }) => uriTemplate === ref.uri)?.complete;
  // An own property: every object inherits a `constructor`.
  return complete && Object.hasOwn(complete, argument) ? complete[argument] : undefined;
}
