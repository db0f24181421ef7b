import {
  Client as ClientV2,
  SSEClientTransport as SseV2,
  StreamableHTTPClientTransport as StreamableHttpV2,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as StreamableHttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

/** The protocol revision in which there are no protocol sessions; `initialize` belongs to older ones. */
export const MODERN = '2026-07-28';

/**
 * The SDK generation of the client. `v2` speaks the modern era wherever the transport knows it:
 * HTTP+SSE does not. `v2 auto` finds the era out, `v2 legacy` does what v1 does.
 */
export type ClientKind = 'v1' | 'v2' | 'v2 auto' | 'v2 legacy';

/** The address of a server, by transport. */
export type ServerAddress =
  | { server: { command: string; args: string[]; env: Record<string, string> } }
  | { http: URL; token?: string | undefined }
  | { sse: URL; token?: string | undefined };

/** What a tool answered. */
export interface ToolAnswer {
  isError: boolean;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  content: any;
}

interface ListedTool {
  name: string;
  inputSchema: Record<string, unknown>;
  outputSchema?: Record<string, unknown> | undefined;
}

interface ListedResource {
  uri: string;
  name: string;
}

/** The operations that tests need of a client of either generation. */
export interface McpClient {
  readonly protocolVersion: string | undefined;
  readonly serverName: string | undefined;
  readonly instructions: string | undefined;
  /** The process that the client started; `undefined` where it only connected. */
  readonly pid: number | undefined;
  /** What that process has written to stderr. */
  stderr(): string;
  /** Settles once the connection is closed by either side. */
  readonly closed: Promise<void>;
  /** Calls a tool. With a listener, it also asks for progress. */
  callTool(
    name: string,
    args?: Record<string, unknown>,
    onprogress?: (progress: Progress) => void,
  ): Promise<ToolAnswer>;
  listTools(): Promise<ListedTool[]>;
  listResources(cursor?: string): Promise<{ resources: ListedResource[]; nextCursor?: string }>;
  listResourceTemplates(): Promise<{ name: string; uriTemplate: string }[]>;
  /** The text of a resource. */
  readResource(uri: string): Promise<string>;
  /** Completes an argument of the resource template, or of the prompt, that has this name. */
  complete(reference: string, name: string, value: string): Promise<Completion>;
  listPrompts(): Promise<{ name: string; arguments?: { name: string }[] | undefined }[]>;
  /** The text of a prompt. */
  getPrompt(name: string, args: Record<string, string>): Promise<string>;
  /** Subscribes to resources as the protocol era does. Returns a function that unsubscribes. */
  subscribe(...uris: string[]): Promise<() => Promise<void>>;
  /** The resources that the server has announced as changed, in that order. */
  readonly updates: readonly string[];
  close(): Promise<void>;
}

export interface Progress {
  progress: number;
  total?: number | undefined;
}

interface Completion {
  values: string[];
  hasMore?: boolean | undefined;
}

const INFO = { name: 'mcp-sessions-tests', version: '1.0.0' };

export async function connectV1(address: ServerAddress): Promise<McpClient> {
  const client = new ClientV1(INFO);
  const transport = transportV1(address);
  const process = watch(client, transport);
  // The types of the SDK do not allow `exactOptionalPropertyTypes`.
  await client.connect(transport as TransportV1);
  const updates: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updates.push(params.uri);
  });
  return {
    ...common(client, process),
    updates,
    subscribe: (...uris) => subscribeEach(client, uris),
    callTool: async (name, args = {}, onprogress) =>
      toAnswer(
        await client.callTool({ name, arguments: args }, undefined, onprogress && { onprogress }),
      ),
    protocolVersion: (transport as { protocolVersion?: string }).protocolVersion,
    listResources: async (cursor) =>
      page(await client.listResources(cursor === undefined ? {} : { cursor })),
  };
}

export async function connectV2(
  address: ServerAddress,
  kind: Exclude<ClientKind, 'v1'>,
): Promise<McpClient> {
  const client = new ClientV2(INFO, { versionNegotiation: { mode: modeOf(kind, address) } });
  const transport = transportV2(address);
  const process = watch(client, transport);
  await client.connect(transport);
  const protocolVersion = client.getNegotiatedProtocolVersion();
  const updates: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    updates.push(params.uri);
  });
  return {
    ...common(client, process),
    protocolVersion,
    updates,
    async subscribe(...uris) {
      if (protocolVersion !== MODERN) return subscribeEach(client, uris);
      const subscription = await client.listen({ resourceSubscriptions: uris });
      return () => subscription.close();
    },
    callTool: async (name, args = {}, onprogress) =>
      toAnswer(await client.callTool({ name, arguments: args }, onprogress && { onprogress })),
    // Not `listResources`, which fetches every page when it is given no cursor.
    listResources: async (cursor) =>
      page(
        await client.request({
          method: 'resources/list',
          params: cursor === undefined ? {} : { cursor },
        }),
      ),
  };
}

function modeOf(kind: ClientKind, address: ServerAddress) {
  if (kind === 'v2 auto') return 'auto';
  return kind === 'v2 legacy' || 'sse' in address ? 'legacy' : { pin: MODERN };
}

/** The operations that the clients of both SDK generations have. */
interface SdkClient {
  getServerVersion(): { name: string } | undefined;
  getInstructions(): string | undefined;
  listTools(): Promise<{ tools: ListedTool[] }>;
  listResourceTemplates(): Promise<{ resourceTemplates: { name: string; uriTemplate: string }[] }>;
  readResource(params: { uri: string }): Promise<{ contents: unknown[] }>;
  complete(params: {
    ref: { type: 'ref/resource'; uri: string } | { type: 'ref/prompt'; name: string };
    argument: { name: string; value: string };
  }): Promise<{ completion: Completion }>;
  listPrompts(): Promise<{
    prompts: { name: string; arguments?: { name: string }[] | undefined }[];
  }>;
  getPrompt(params: {
    name: string;
    arguments: Record<string, string>;
  }): Promise<{ messages: { content: unknown }[] }>;
  subscribeResource(params: { uri: string }): Promise<unknown>;
  unsubscribeResource(params: { uri: string }): Promise<unknown>;
  close(): Promise<void>;
}

/** How the older protocol era subscribes: one resource at a time. */
async function subscribeEach(client: SdkClient, uris: readonly string[]) {
  for (const uri of uris) await client.subscribeResource({ uri });
  return async () => {
    for (const uri of uris) await client.unsubscribeResource({ uri });
  };
}

function common(client: SdkClient, { pid, stderr, closed }: Watched) {
  return {
    serverName: client.getServerVersion()?.name,
    instructions: client.getInstructions(),
    pid: pid(),
    stderr,
    closed,
    listTools: async () => (await client.listTools()).tools,
    listResourceTemplates: async () => (await client.listResourceTemplates()).resourceTemplates,
    readResource: async (uri: string) => textOf((await client.readResource({ uri })).contents),
    complete: async (reference: string, name: string, value: string) => {
      const ref = reference.includes('://')
        ? ({ type: 'ref/resource', uri: reference } as const)
        : ({ type: 'ref/prompt', name: reference } as const);
      return (await client.complete({ ref, argument: { name, value } })).completion;
    },
    listPrompts: async () => (await client.listPrompts()).prompts,
    getPrompt: async (name: string, args: Record<string, string>) => {
      const { messages } = await client.getPrompt({ name, arguments: args });
      return textOf(messages.map(({ content }) => content));
    },
    close: () => client.close(),
  };
}

type Watched = ReturnType<typeof watch>;

function watch(client: { onclose?: (() => void) | undefined }, transport: object) {
  let text = '';
  if (transport instanceof StdioV1 || transport instanceof StdioV2) {
    transport.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  return {
    pid: () => (transport as { pid?: number | null }).pid ?? undefined,
    stderr: () => text,
    closed: new Promise<void>((resolve) => {
      client.onclose = resolve;
    }),
  };
}

function transportV1(address: ServerAddress) {
  if ('server' in address) return new StdioV1({ ...address.server, stderr: 'pipe' });
  const options = signedIn(address);
  return 'sse' in address
    ? new SseV1(address.sse, options)
    : new StreamableHttpV1(address.http, options);
}

/** Sends the token in a header of every request, as clients are configured to. */
function signedIn({ token }: { token?: string | undefined }) {
  return token === undefined
    ? {}
    : { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
}

function transportV2(address: ServerAddress) {
  if ('server' in address) return new StdioV2({ ...address.server, stderr: 'pipe' });
  const options = signedIn(address);
  return 'sse' in address
    ? new SseV2(address.sse, options)
    : new StreamableHttpV2(address.http, options);
}

/** The result of a `tools/call`, in the form that tests read. */
export function toAnswer(result: unknown): ToolAnswer {
  const { isError, content, structuredContent } = result as {
    isError?: boolean;
    content: { type: string; text?: string }[];
    structuredContent?: unknown;
  };
  return {
    isError: isError === true,
    text: content.map(({ text }) => text).join('\n'),
    content: structuredContent,
  };
}

function page({ resources, nextCursor }: { resources: ListedResource[]; nextCursor?: unknown }) {
  return { resources, ...(nextCursor !== undefined && { nextCursor: nextCursor as string }) };
}

function textOf(contents: readonly unknown[]): string {
  return contents.map((content) => (content as { text: string }).text).join('');
}
