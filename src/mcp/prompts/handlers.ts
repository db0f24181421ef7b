import type { Server } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { checked } from '../../domain/checked-input.ts';
import { quoted } from '../../domain/errors.ts';
import { invalidParams } from '../answer/protocol-errors.ts';
import type { RunCall } from '../calls/run-call.ts';
import { listParams, serveRequest } from '../serve-request.ts';
import type { Context } from '../tool.ts';
import type { Prompt } from './prompt.ts';

const getParams = z.looseObject({
  name: z.string(),
  arguments: z.looseObject({}).optional(),
});

/** Puts the prompts on a server. */
export function servePrompts(
  server: Server,
  prompts: readonly Prompt[],
  context: Context,
  run: RunCall,
): void {
  serveRequest(server, 'prompts/list', listParams, () => ({
    prompts: prompts.map(({ name, title, description, argument }) => ({
      name,
      title,
      description,
      arguments: [{ ...argument, required: true }],
    })),
  }));

  serveRequest(server, 'prompts/get', getParams, (params, call) => {
    const get = async () => {
      const prompt = prompts.find(({ name }) => name === params.name);
      if (prompt === undefined) {
        throw invalidParams(
          `There is no prompt ${quoted(params.name)}. prompts/list shows what there is.`,
        );
      }
      const { [prompt.argument.name]: id } = checked(params.arguments ?? {}, prompt);
      const text = await prompt.text(id as string, context);
      return {
        description: prompt.description,
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }],
      };
    };
    return run({ method: 'prompts/get' }, call, get);
  });
}
