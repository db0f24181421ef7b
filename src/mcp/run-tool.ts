import type { CallToolResult } from '@modelcontextprotocol/server';
import { DomainError, invalidArgument } from '../domain/errors.ts';
import type { Logger } from '../logger.ts';
import { describeIssues } from './issues.ts';
import type { Tool, ToolContext } from './tool.ts';

/**
 * Runs one tool and turns what becomes of it into the answer of `tools/call`. This is the one place
 * where errors end: a `DomainError` is the caller's, anything else is ours and goes to the log.
 *
 * @param args the arguments as they came, which are checked here
 */
export async function runTool(
  tool: Tool,
  args: unknown,
  context: ToolContext,
  logger: Logger,
): Promise<CallToolResult> {
  try {
    const parsed = tool.input.safeParse(args ?? {});
    if (!parsed.success) throw invalidArgument(describeIssues(parsed.error, tool));
    const content = await tool.run(parsed.data, context);
    return {
      content: [{ type: 'text', text: JSON.stringify(content) }],
      structuredContent: content,
    };
  } catch (error) {
    return errorResult(asDomainError(error, tool.name, logger));
  }
}

/**
 * The `DomainError` that a caller may see for whatever was thrown; what only the log may see goes
 * there.
 */
export function asDomainError(error: unknown, operation: string, logger: Logger): DomainError {
  if (error instanceof DomainError) {
    if (error.cause !== undefined) {
      logger.warn('call failed', { operation, code: error.code, error: error.cause });
    }
    return error;
  }
  logger.error('call failed unexpectedly', { operation, code: 'INTERNAL', error });
  return new DomainError(
    'INTERNAL',
    "The server failed in a way it did not expect. The server's log says more; repeating the call may not help.",
  );
}

function errorResult({ code, message, retryable }: DomainError): CallToolResult {
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}: ${message}` }],
    structuredContent: { error: { code, message, retryable } },
  };
}
