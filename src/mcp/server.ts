import { Server, type ServerContext } from '@modelcontextprotocol/server';
import type { Logger } from '../domain/logger.ts';
import { invalidParams } from './answer/protocol-errors.ts';
import { type CallOptions, createRunCall, type Hold, runTool } from './calls/run-call.ts';
import { serveCompletion } from './completion.ts';
import { toolDefinition } from './json-schema.ts';
import { servePrompts } from './prompts/handlers.ts';
import { serveResources } from './resources/handlers.ts';
import type { Context } from './tool.ts';
import { createCapabilities, pinAdvice, type ToolAccessOptions } from './tool-access.ts';
import type { ChangeNotifier } from './updates/change-notifier.ts';
import type { WhenRead } from './updates/coalesced-updates.ts';
import { serveSubscriptions } from './updates/subscriptions.ts';

export interface ServerOptions extends ToolAccessOptions, CallOptions {
  version: string;
  logger: Logger;
}

/** The connection that a server is made for. */
export interface ServedConnection {
  era: 'legacy' | 'modern';
  /**
   * How it hears of changed resources: from a server that lives as long as the connection, from the
   * transport, or not at all.
   */
  updates: 'server' | 'transport' | 'none';
  /** Names the HTTP request that the connection is for; absent where it outlives one. */
  requestId?: string;
  /** Keeps what a call takes of the connection, until its work has ended. */
  hold?: Hold;
  /** Resolves when the client has read what it was sent, or is `undefined` if that is now. */
  whenRead?: WhenRead;
}

/**
 * Returns a function that makes a server for one connection, or for one HTTP request. All that can
 * be done once is done once, since the function runs for every request.
 *
 * It is the low-level `Server` of the SDK: `McpServer` checks arguments itself and answers bad ones
 * with text of its own, where ours carry a code and the way out; and it costs a fifth of the speed.
 */
export function createServerFactory(options: ServerOptions) {
  const { version, logger } = options;
  const offerTo = createCapabilities(options);

  return (context: Context, changes: ChangeNotifier, connection: ServedConnection): Server => {
    const { caller } = context;
    const { tools, prompts, reads, instructions } = offerTo(caller);
    const toolContext = { ...context, offers: (name: string) => tools.has(name) };
    const subscribe = connection.updates !== 'none';
    const run = createRunCall(options, caller, connection.requestId, connection.hold);
    const server = new Server(
      { name: 'mcp-sessions', title: 'Sessions', version },
      {
        capabilities: {
          tools: {},
          ...(reads && { resources: { subscribe }, prompts: {}, completions: {} }),
        },
        instructions: instructions + pinAdvice(caller),
      },
    );
    server.setRequestHandler('tools/list', () => ({
      tools: [...tools.values()].map(toolDefinition),
    }));
    server.setRequestHandler('tools/call', async (request, call) => {
      const tool = tools.get(request.params.name);
      if (tool === undefined) {
        return run({ method: 'tools/call' }, call, async () => {
          const name = JSON.stringify(request.params.name.slice(0, 100));
          throw invalidParams(`There is no tool ${name}. tools/list shows what there is.`);
        });
      }
      const progress = progressOf(call, logger);
      return runTool(tool, request.params.arguments, toolContext, run, call, progress);
    });
    if (!reads) return server;
    serveResources(server, context, run);
    servePrompts(server, prompts, context, run);
    serveCompletion(server, context, run);
    if (connection.updates === 'server') {
      const { era, whenRead } = connection;
      serveSubscriptions(server, changes, { caller, era, whenRead, logger });
    }
    return server;
  };
}

/** Reports progress to a caller who gave a token for it. */
function progressOf({ mcpReq }: ServerContext, logger: Logger) {
  const progressToken = mcpReq._meta?.progressToken;
  return (progress: number, total: number): void => {
    if (progressToken === undefined) return;
    mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken, progress, total } })
      .catch((error: unknown) => logger.debug('progress not sent', { error }));
  };
}
