// What our start-up is compared with: the SDK's server, and nothing else.
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';

serveStdio(() => new McpServer({ name: 'bare', version: '0.0.0' }));
