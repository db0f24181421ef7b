import type { McpClient, ToolAnswer } from './clients.ts';

/** Calls a tool that has to succeed. */
export async function call(
  client: McpClient,
  tool: string,
  args: Record<string, unknown>,
): Promise<ToolAnswer['content']> {
  const { isError, text, content } = await client.callTool(tool, args);
  if (isError) throw new Error(`${tool}: ${text}`);
  return content;
}
