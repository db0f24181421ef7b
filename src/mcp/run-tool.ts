import type { CallToolResult } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { DomainError, invalidArgument, quoted } from '../domain/errors.ts';
import type { Logger } from '../logger.ts';
import type { Tool, ToolContext } from './tool.ts';

/** How many things wrong with the arguments one answer lists. */
const MAX_ISSUES = 5;

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

function describeIssues(error: z.ZodError, tool: Tool): string {
  const { issues } = error;
  const listed = issues.slice(0, MAX_ISSUES).map((issue) => describeIssue(issue, tool));
  const more = issues.length > MAX_ISSUES ? ` And ${issues.length - MAX_ISSUES} more.` : '';
  return `${listed.join(' ')}${more} Correct the arguments of ${tool.name} and call it again.`;
}

function describeIssue(issue: z.core.$ZodIssue, tool: Tool): string {
  const where = issue.path.length === 0 ? 'The arguments' : issue.path.join('.');
  switch (issue.code) {
    case 'unrecognized_keys': {
      const unknown = issue.keys.slice(0, MAX_ISSUES).map((key) => quoted(key));
      const known = Object.keys(tool.input.shape).join(', ');
      return issue.path.length === 0
        ? `There is no argument ${unknown.join(', ')}; the arguments are ${known}.`
        : `${where}: there is no ${unknown.join(', ')} in it.`;
    }
    case 'invalid_type':
      return issue.message.endsWith('received undefined')
        ? `${where}: is missing, and has to be of type ${issue.expected}.`
        : `${where}: ${issue.message.replace(/^Invalid input: /, '')}.`;
    case 'invalid_value':
      return `${where}: must be one of ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `${where}: must be at least ${issue.minimum}.`;
    case 'too_big':
      return `${where}: must be at most ${issue.maximum}.`;
    default:
      return `${where}: ${issue.message}.`;
  }
}
