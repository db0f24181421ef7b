// Calling the tools as the server does, without the protocol before it.

import { dist, services } from './support.mjs';

/** Longer than anything that is measured takes: what takes too long, its store says. */
const CALL_TIMEOUT_MS = 120_000;

/**
 * What calls the tools on a store.
 *
 * @returns `call(caller, name, args)`, which returns what the tool answers with, or throws an error that
 *   has the `code` of the one it answered with; and `tools`, by their names
 */
export async function toolCaller(store) {
  const { TOOLS } = await import(dist('mcp/tools/index.js'));
  const { createRunCall, runTool } = await import(dist('mcp/calls/run-call.js'));
  const parts = await services(store);
  const tools = new Map(TOOLS.map((tool) => [tool.name, tool]));
  const options = { observe: () => () => {}, callTimeout: CALL_TIMEOUT_MS };
  const nobody = () => {};

  async function call(caller, name, args) {
    const request = { mcpReq: { signal: new AbortController().signal } };
    const run = createRunCall(options, caller);
    if (name === 'read message') {
      // Not a tool but a resource: session://{session_id}/messages/{uuid}.
      return run({ method: 'resources/read' }, request, async () => {
        const message = await parts.memory.getMessage(caller, args.session_id, args.uuid);
        JSON.stringify(message);
        return message;
      });
    }
    const context = { caller, ...parts, offers: (tool) => tools.has(tool) };
    const answer = await runTool(tools.get(name), args, context, run, request, nobody);
    if (answer.isError !== true) return answer.structuredContent;
    throw Object.assign(new Error(answer.content[0].text), answer.structuredContent.error);
  }
  return { call, tools };
}
