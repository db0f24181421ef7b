// The protocol baseline: what is left of our server without its catalogue, services and store. The
// same SDK, transports, rate limiter, sign-in and log, and tools that check their arguments with the
// same schemas and return a constant.
//
//   node bench/baseline-server.mjs ANSWERS_FILE [--http --port 0]

import { readFile } from 'node:fs/promises';
import { Server } from '@modelcontextprotocol/server';

const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);

const [answersFile, ...flags] = process.argv.slice(2);
const answers = JSON.parse(await readFile(answersFile, 'utf8'));

const { load } = await dist('config/index.js');
const { createLogger } = await dist('app/logger.js');
const { logCalls } = await dist('services/calls/call-observer.js');
const { toolDefinition } = await dist('mcp/json-schema.js');
const { localPrincipal } = await dist('domain/principal.js');
const { TOOLS } = await dist('mcp/tools/index.js');

const { config } = load(flags, process.env, process.platform);
const logger = createLogger(config.logLevel, (line) => process.stderr.write(line));
const observe = logCalls(logger);
const tools = new Map(TOOLS.filter(({ name }) => name in answers).map((tool) => [tool.name, tool]));
const caller = localPrincipal(config.namespace);

function createServer({ requestId = '' }) {
  const server = new Server(
    { name: 'baseline', version: '0.0.0' },
    { capabilities: { tools: {} } },
  );
  server.setRequestHandler('tools/list', () => ({
    tools: [...tools.values()].map(toolDefinition),
  }));
  server.setRequestHandler('tools/call', ({ params }) => {
    const started = performance.now();
    const { name } = params;
    const ended = observe({ method: 'tools/call', tool: name, caller, request_id: requestId });
    tools.get(name).input.parse(params.arguments);
    const answer = answers[name];
    ended({ outcome: 'ok', duration_ms: performance.now() - started });
    return {
      content: [{ type: 'text', text: JSON.stringify(answer) }],
      structuredContent: answer,
    };
  });
  return server;
}

if (config.http) {
  const { serveOverHttp } = await dist('transports/http/index.js');
  const { openSignIn } = await dist('transports/auth/index.js');
  const { host, port, publicUrl, allowedHosts, allowedOrigins, drainDelay } = config;
  const { url } = await serveOverHttp({
    ...{ host, port, publicUrl, allowedHosts, allowedOrigins, drainDelay },
    ...{ limits: config, createServer, logger },
    signIn: await openSignIn(config, caller, logger),
    changes: () => () => {},
    onRefused: () => {},
  });
  process.stderr.write(`${url}\n`);
} else {
  const { serveOverStdio } = await dist('transports/stdio/index.js');
  const { stdin, stdout } = process;
  const { messageMax, callsAtOnce } = config;
  serveOverStdio({ stdin, stdout, createServer, messageMax, callsAtOnce, logger });
}
