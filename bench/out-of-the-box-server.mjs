// The SDK's server as its documentation shows it, with as many tools as ours has and the same
// schemas. Those that the baseline has, too, return the same constants.
//
//   node bench/out-of-the-box-server.mjs ANSWERS_FILE [--http]

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

const [answersFile, way] = process.argv.slice(2);
const answers = JSON.parse(await readFile(answersFile, 'utf8'));
const { TOOLS } = await import(new URL('../dist/mcp/tools/index.js', import.meta.url).href);

function newServer() {
  const server = new McpServer({ name: 'out-of-the-box', version: '0.0.0' });
  for (const { name, title, description, input, output } of TOOLS) {
    const definition = { title, description, inputSchema: input, outputSchema: output };
    server.registerTool(name, definition, async () => ({
      content: [{ type: 'text', text: JSON.stringify(answers[name]) }],
      structuredContent: answers[name],
    }));
  }
  return server;
}

if (way === '--http') {
  const http = createServer(toNodeHandler(createMcpHandler(newServer)));
  http.listen(0, '127.0.0.1', () => {
    process.stderr.write(`http://127.0.0.1:${http.address().port}\n`);
  });
} else {
  serveStdio(newServer);
}
