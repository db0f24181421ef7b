import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JSON_HEADERS, message, send } from '../support/raw-http.ts';
import { MODERN_META, RawStdio } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';

let servers: Servers;
let raw: RawStdio;
let url: string;
beforeAll(async () => {
  servers = await Servers.open();
  raw = new RawStdio(servers.spawn());
  await raw.initialize();
  ({ url } = await servers.spawnHttp());
});
afterAll(() => servers?.close());

/** The error text of a tool, without its code, and with the name of what was called replaced. */
async function toolText(args: unknown): Promise<string> {
  const { structuredContent } = await raw.call('get_memory', args);
  return structuredContent.error.message;
}

const get = (name: unknown, args?: unknown) =>
  raw.request('prompts/get', { name, ...(args !== undefined && { arguments: args }) });

describe('an error of a prompt', () => {
  it.each([
    {},
    { session_id: 5 },
    { session_id: null },
    { session_id: '' },
    { session_id: 'x'.repeat(1025) },
    { session_id: ['a'] },
    { session_id: 'a\0b' },
    { session: 'x' },
    { session_id: 'x', more: 1 },
    { session_id: 'unknown' },
  ])('is in the words of tools: %j', async (args) => {
    const words = await toolText(args);
    for (const name of ['resume_session', 'summarize_session']) {
      const { error } = await get(name, args);
      expect(error?.code).toBe(-32602);
      const here = words.replaceAll('get_memory', name);
      // The tool has more arguments to name.
      expect(error?.message).toBe(
        here.replace(/the arguments are [^.]+\./, 'the arguments are session_id.'),
      );
      const code = words.startsWith('There is no session') ? 'NOT_FOUND' : 'INVALID_ARGUMENT';
      expect(error?.data).toEqual({ code, retryable: false });
    }
  });

  it('of a deleted session says how to bring it back, as tools do', async () => {
    await raw.call('add_session', { session_id: 'gone' });
    await raw.call('delete_session', { session_id: 'gone' });
    const { error } = await get('resume_session', { session_id: 'gone' });
    expect(error?.message).toBe(await toolText({ session_id: 'gone' }));
    const { error: read } = await raw.request('resources/read', { uri: 'session://gone' });
    expect(read).toMatchObject({ code: -32602, message: error?.message });
  });

  it('names what there is not, as that of a tool does', async () => {
    const { error: tool } = await raw.request('tools/call', { name: 'nö"pe' });
    const { error } = await get('nö"pe');
    expect(error?.message).toBe(tool?.message.replaceAll('tool', 'prompt'));
    expect(error?.code).toBe(-32602);
  });
});

const WRONG: [method: string, params: unknown, words: string][] = [
  ['prompts/get', undefined, 'name: is missing'],
  ['prompts/get', { name: 7 }, 'name: expected string, received number.'],
  [
    'prompts/get',
    { name: 'resume_session', arguments: [1] },
    'arguments: expected object, received array.',
  ],
  ['prompts/list', { cursor: 1 }, 'cursor: expected string, received number.'],
  ['tools/list', { cursor: [] }, 'cursor: expected string, received array.'],
  ['resources/list', { cursor: [] }, 'cursor: expected string, received array.'],
  ['resources/templates/list', { cursor: {} }, 'cursor: expected string, received object.'],
  ['resources/read', {}, 'uri: is missing'],
  ['resources/read', { uri: { a: 1 } }, 'uri: expected string, received object.'],
  ['completion/complete', {}, 'ref: is missing'],
  ['completion/complete', { ref: { type: 'ref/tool' }, argument: {} }, 'argument.name: is missing'],
];

describe('parameters of the wrong type', () => {
  it.each(WRONG)('get words, not what a validator says: %s %j', async (method, params, words) => {
    const { error } = await raw.request(method, params);
    expect(error?.code).toBe(-32602);
    expect(error?.message).toContain(words);
    expect(error?.message).toContain(`Correct the arguments of ${method} and call it again.`);
    expect(error?.message).not.toMatch(/[[{]|Invalid input/);
  });

  it.each(WRONG)('do so in the newer protocol, too: %s %j', async (method, params, words) => {
    const headers = {
      ...{ ...JSON_HEADERS, 'mcp-protocol-version': '2026-07-28', 'mcp-method': method },
      ...(typeof (params as { name?: unknown })?.name === 'string' && {
        'mcp-name': 'resume_session',
      }),
      ...(method === 'resources/read' && { 'mcp-name': 'session://x' }),
    };
    const body = {
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { ...(params as object), _meta: MODERN_META },
    };
    const answer = message(await send(`${url}/mcp`, { headers, body: JSON.stringify(body) }));
    if (answer.error.code === -32020) return; // The SDK has compared it with its header before.
    expect(answer.error, words).toMatchObject({
      code: -32602,
      message: expect.stringContaining(words),
    });
  });

  it('get words when they subscribe to a resource', async () => {
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      const { error } = await raw.request(method, { uri: 1 });
      expect(error).toMatchObject({
        code: -32602,
        message: expect.stringMatching(/^uri: expected/),
      });
    }
    const { error } = await raw.request('resources/subscribe', { uri: 'x://"y"' });
    expect(error?.message).toMatch(/^There is no resource "x:\/\/\\"y\\""\. /);
  });
});
