import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { DomainError, invalidArgument } from '../../domain/errors.ts';
import { describeValidationErrors } from '../answer/validation-errors.ts';
import type { Tool, ToolContext } from '../tool.ts';
import type { RunCall } from './run-call.ts';

/**
 * Runs one tool and turns what becomes of it into the answer of `tools/call`.
 *
 * @param args the arguments as they came, which are checked here
 * @param tellProgress tells a caller who asked for it how far the call has got
 */
export async function runTool(
  tool: Tool,
  args: unknown,
  context: Omit<ToolContext, 'progress'>,
  run: RunCall,
  request: ServerContext,
  tellProgress: (done: number, total: number) => void,
): Promise<CallToolResult> {
  try {
    return await run({ method: 'tools/call', tool: tool.name }, request, async (progressed) => {
      const parsed = tool.input.safeParse(args ?? {});
      if (!parsed.success) throw invalidArgument(describeValidationErrors(parsed.error, tool));
      const progress = (done: number, total: number) => {
        progressed();
        tellProgress(done, total);
      };
      const content = await tool.run(parsed.data, { ...context, progress });
      return {
        content: [{ type: 'text', text: JSON.stringify(content) }],
        structuredContent: content,
      };
    });
  } catch (error) {
    if (error instanceof DomainError) return errorResult(error);
    throw error;
  }
}

function errorResult({ code, message, retryable }: DomainError): CallToolResult {
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}: ${message}` }],
    structuredContent: { error: { code, message, retryable } },
  };
}
