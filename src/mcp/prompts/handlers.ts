import type { Server } from '@modelcontextprotocol/server';
import { invalidParams, withProtocolErrors } from '../answer/protocol-errors.ts';
import type { RunCall } from '../calls/run-call.ts';
import type { Context } from '../tool.ts';
import type { Prompt } from './prompt.ts';

/** Puts the prompts on a server. */
export function servePrompts(
  server: Server,
  prompts: readonly Prompt[],
  context: Context,
  run: RunCall,
): void {
  server.setRequestHandler('prompts/list', () => ({
    prompts: prompts.map(({ name, title, description, argument }) => ({
      name,
      title,
      description,
      arguments: [{ name: argument.name, description: argument.description, required: true }],
    })),
  }));

  server.setRequestHandler('prompts/get', (request, call) => {
    const get = async () => {
      const prompt = prompts.find(({ name }) => name === request.params.name);
      if (prompt === undefined) {
        throw invalidParams('There is no such prompt. prompts/list shows what there is.');
      }
      const { name, schema } = prompt.argument;
      const given = request.params.arguments ?? {};
      const id = schema.safeParse(Object.hasOwn(given, name) ? given[name] : undefined);
      if (!id.success) throw invalidParams(`${name}: ${id.error.issues[0]?.message}.`);
      const text = await prompt.text(id.data, context);
      return {
        description: prompt.description,
        messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }],
      };
    };
    return withProtocolErrors(run({ method: 'prompts/get' }, call, get));
  });
}
