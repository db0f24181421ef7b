import { Server, type ServerContext } from '@modelcontextprotocol/server';
import { quoted } from '../domain/errors.ts';
import type { Logger } from '../domain/logger.ts';
import type { CallOptions } from '../services/calls/run-call.ts';
import { invalidParams } from './answer/protocol-errors.ts';
import { createRunCall, type Hold, runTool } from './calls/run-call.ts';
import { serveCompletion } from './completion.ts';
import { toolDefinition } from './json-schema.ts';
import { servePrompts } from './prompts/handlers.ts';
import { serveResources } from './resources/handlers.ts';
import { listParams, serveRequest } from './serve-request.ts';
import type { Context } from './tool.ts';
import { createCapabilities, pinAdvice, type ToolAccessOptions } from './tool-access.ts';
import type { ChangeNotifier } from './updates/change-notifier.ts';
import type { WhenRead } from './updates/coalesced-updates.ts';
import { serveSubscriptions } from './updates/subscriptions.ts';

export interface ServerOptions extends ToolAccessOptions, CallOptions {
  version: string;
  logger: Logger;
}

/** The connection that a server is created for. */
export interface ServedConnection {
  era: 'legacy' | 'modern';
  /**
   * The source of update notifications: a server that lives as long as the connection, the
   * transport, or none.
   */
  updates: 'server' | 'transport' | 'none';
  /** The identifier of the HTTP request; absent if the connection outlives a request. */
  requestId?: string;
  /** Holds the resources of a call until its work has ended. */
  hold?: Hold;
  /** Resolves when the client has read everything sent to it; `undefined` if it already has. */
  whenRead?: WhenRead;
}

/**
 * Returns a function that creates a server for one connection or one HTTP request. It runs for
 * every request, so everything that can be shared is computed once, outside of it.
 *
 * It uses the SDK's low-level `Server`. `McpServer` validates arguments itself and answers invalid
 * ones with a text of its own, where ours carry a code and the remedy; and it costs a fifth of the
 * speed.
 */
export function createServerFactory(options: ServerOptions) {
  const { version, logger } = options;
  const offerTo = createCapabilities(options);

  return (context: Context, changes: ChangeNotifier, connection: ServedConnection): Server => {
    const { caller } = context;
    const { tools, prompts, reads, instructions } = offerTo(caller);
    const offers = (name: string) => tools.has(name);
    const toolContext = { ...context, offers };
    const subscribe = connection.updates !== 'none';
    const run = createRunCall(options, { caller, offers }, connection.requestId, connection.hold);
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
    serveRequest(server, 'tools/list', listParams, () => ({
      tools: [...tools.values()].map(toolDefinition),
    }));
    server.setRequestHandler('tools/call', async (request, call) => {
      const tool = tools.get(request.params.name);
      if (tool === undefined) {
        return run({ method: 'tools/call' }, call, async () => {
          const name = quoted(request.params.name);
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

/** Reports progress to a caller who sent a progress token. */
function progressOf({ mcpReq }: ServerContext, logger: Logger) {
  const progressToken = mcpReq._meta?.progressToken;
  return (progress: number, total: number): void => {
    if (progressToken === undefined) return;
    mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken, progress, total } })
      .catch((error: unknown) => logger.debug('progress not sent', { error }));
  };
}
