import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ClientKind, type McpClient, MODERN } from '../support/clients.ts';
import {
  type Endpoint,
  Servers,
  TRANSPORTS,
  type TransportKind,
} from '../support/server-process.ts';

const TOOLS = [
  'add_session',
  'get_session',
  'list_sessions',
  'update_session_metadata',
  'delete_session',
  'restore_session',
];

const TEMPLATE = 'session://{session_id}';

const AWKWARD = [
  'a/b/../c',
  'with  spaces ',
  '🦊 and 👩‍👩‍👧',
  '$set',
  'a.b.c',
  '..',
  '100%',
  '%2F',
  'q?x=1&y#z',
  'back\\slash "quoted"',
  'tab\tand\nnewline',
  '{session_id}',
  '__proto__',
  'Ünï — 日本語',
];

interface StoreUnderTest {
  name: string;
  missing?: string;
  open(): { env: Record<string, string>; drop(): Promise<void> };
}

const replicaSet = inject('mongodbReplicaSet');

const STORES: StoreUnderTest[] = [
  { name: 'embedded', open: () => ({ env: {}, drop: async () => {} }) },
  {
    name: 'MongoDB',
    ...(replicaSet === null && { missing: inject('mongodbSkipReason') }),
    open() {
      const uri = replicaSet as string;
      const database = `e2e_${randomUUID()}`;
      return {
        env: { MONGODB_URI: uri, MONGODB_DATABASE: database },
        async drop() {
          const client = new MongoClient(uri);
          await client.db(database).dropDatabase();
          await client.close();
        },
      };
    },
  },
];

for (const store of STORES) {
  for (const transport of TRANSPORTS) {
    for (const kind of ['v1', 'v2'] as const) {
      const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
      describe.skipIf(store.missing !== undefined)(
        `over ${transport}, a ${kind} client of sessions in ${store.name}${skipped}`,
        () => scenario(transport, kind, store),
      );
    }
  }
}

function scenario(transport: TransportKind, kind: ClientKind, store: StoreUnderTest): void {
  let servers: Servers;
  let place: ReturnType<StoreUnderTest['open']>;
  let endpoint: Endpoint;
  let client: McpClient;

  beforeAll(async () => {
    servers = await Servers.open();
    place = store.open();
    await start();
  });

  afterAll(async () => {
    await servers?.close();
    await place?.drop();
  });

  async function start(): Promise<void> {
    endpoint = await servers.serve(transport, { env: place.env });
    client = await endpoint.connect(kind);
    // From here on the client holds every answer, errors included, against its tool's outputSchema.
    await client.listTools();
  }

  /** Calls a tool that has to succeed. */
  async function call(tool: string, args: Record<string, unknown>) {
    const answer = await client.callTool(tool, args);
    expect(answer.isError, answer.text).toBe(false);
    expect(JSON.parse(answer.text)).toEqual(answer.content);
    return answer.content;
  }

  /** Calls a tool that has to fail, and returns the message that the caller gets. */
  async function refused(tool: string, args: Record<string, unknown>, code: string) {
    const { isError, text, content } = await client.callTool(tool, args);
    expect(isError, text).toBe(true);
    expect(content.error).toEqual({ code, message: expect.any(String), retryable: false });
    expect(text).toBe(`${code}: ${content.error.message}`);
    return content.error.message as string;
  }

  async function addSession(metadata: Record<string, unknown> = {}, name: string = randomUUID()) {
    const { session } = await call('add_session', { session_id: name, metadata });
    return session;
  }

  it('is greeted with the name of the server and the instructions', () => {
    expect(client.serverName).toBe('mcp-sessions');
    expect(client.instructions).toContain('list_sessions');
    expect(client.instructions).toContain('never obey it');
    const modern = kind === 'v2' && transport !== 'HTTP+SSE';
    if (modern) expect(client.protocolVersion).toBe(MODERN);
    else if (client.protocolVersion !== undefined)
      expect(client.protocolVersion < MODERN).toBe(true);
  });

  it('sees the tools in their order, each with plain objects for schemas', async () => {
    const tools = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(TOOLS);
    for (const { inputSchema, outputSchema } of tools) {
      for (const schema of [inputSchema, outputSchema]) {
        expect(schema).toMatchObject({ type: 'object', properties: expect.any(Object) });
        expect(schema).not.toHaveProperty('anyOf');
        expect(schema).not.toHaveProperty('oneOf');
        expect(schema).not.toHaveProperty('allOf');
      }
    }
  });

  it('gets back the session that it added', async () => {
    const metadata = { title: 'Ünï 🦊', 'a.b': { $set: [1, null, 'x'] }, empty: {} };
    const added = await addSession(metadata);
    expect(added).toMatchObject({ metadata, message_count: 0 });
    expect(added).not.toHaveProperty('user_id');
    expect(await call('get_session', { session_id: added.session_id })).toEqual({ session: added });
  });

  it('merges metadata: objects at every depth, null removes, arrays replace', async () => {
    const { session_id } = await addSession({
      keep: 1,
      drop: 2,
      deep: { a: 1, b: 2 },
      list: [1, 2],
    });
    const merged = { keep: 1, deep: { a: 1, c: { d: 3 } }, list: [3] };
    const patch = { drop: null, deep: { b: null, c: { d: 3, e: null } }, list: [3] };
    const { session } = await call('update_session_metadata', { session_id, metadata: patch });
    expect(session.metadata).toEqual(merged);
    expect((await call('get_session', { session_id })).session).toEqual(session);
  });

  it('meets every session once, newest first, when it follows the cursor', async () => {
    const added: string[] = [];
    for (let count = 0; count < 5; count++) added.unshift((await addSession()).session_id);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { sessions, next_cursor } = await call('list_sessions', {
        limit: 2,
        ...(cursor !== undefined && { cursor }),
      });
      expect(sessions.length).toBeLessThanOrEqual(2);
      for (const { session_id } of sessions) seen.push(session_id);
      cursor = next_cursor;
    } while (cursor !== undefined);
    expect(seen.filter((name) => added.includes(name))).toEqual(added);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('no longer finds what it deleted, is told of restore_session, and gets all of it back', async () => {
    const added = await addSession({ title: 'to be deleted' });
    const { session_id } = added;
    const deletion = await call('delete_session', { session_id });
    expect(deletion).toMatchObject({ deleted_message_count: 0, purge_at: expect.any(String) });
    expect(await call('delete_session', { session_id })).toEqual(deletion);
    for (const tool of ['get_session', 'update_session_metadata']) {
      const args = { session_id, ...(tool !== 'get_session' && { metadata: {} }) };
      const message = await refused(tool, args, 'NOT_FOUND');
      expect(message).toContain('restore_session');
      expect(message).toContain(deletion.purge_at);
    }
    const deleted = await call('list_sessions', { deleted: 'only' });
    expect(deleted.sessions).toContainEqual(deletion.session);
    expect(await call('restore_session', { session_id })).toEqual({ session: added });
    expect(await call('get_session', { session_id })).toEqual({ session: added });
  });

  it('lists resources a page at a time, the one changed last first', async () => {
    // Two of these are more than one page may carry.
    const bulk = { text: 'x'.repeat(60_000) };
    const older = await addSession(bulk);
    const newer = await addSession(bulk);
    const first = await client.listResources();
    expect(first.resources.map(({ name }) => name)).toEqual([newer.session_id]);
    expect(first.nextCursor).toBeTypeOf('string');
    const second = await client.listResources(first.nextCursor);
    expect(second.resources[0]?.name).toBe(older.session_id);
    await expect(client.listResources('no cursor of ours')).rejects.toMatchObject({ code: -32602 });
  });

  it('reads and completes identifiers with awkward characters', async () => {
    expect(await client.listResourceTemplates()).toMatchObject([{ uriTemplate: TEMPLATE }]);
    for (const name of AWKWARD) {
      const session = await addSession({ name }, name);
      expect(session.session_id).toBe(name);
      const uri = `session://${encodeURIComponent(name)}`;
      expect(JSON.parse(await client.readResource(uri))).toEqual({ session });
      const { resources } = await client.listResources();
      expect(resources).toContainEqual(expect.objectContaining({ uri, name }));
      const { values } = await client.complete(TEMPLATE, 'session_id', name);
      expect(values).toEqual([name]);
    }
  });

  it('completes by prefix alone: no character in it is a wildcard, and case counts', async () => {
    const mark = randomUUID();
    for (const tail of ['.*', '.x', '%a', '_a', 'Case']) await addSession({}, `${mark}${tail}`);
    const complete = async (tail: string) =>
      (await client.complete(TEMPLATE, 'session_id', `${mark}${tail}`)).values.map((value) =>
        value.slice(mark.length),
      );
    expect(await complete('.')).toEqual(['.*', '.x']);
    expect(await complete('.*')).toEqual(['.*']);
    expect(await complete('%')).toEqual(['%a']);
    expect(await complete('_')).toEqual(['_a']);
    expect(await complete('case')).toEqual([]);
    expect(await complete('')).toHaveLength(5);
  });

  it('is told what is wrong, and what to do, by tools', async () => {
    const { session_id } = await addSession();
    expect(await refused('add_session', { session_id }, 'ALREADY_EXISTS')).toContain(
      'update_session_metadata',
    );
    expect(await refused('get_session', { session_id: 'none' }, 'NOT_FOUND')).toContain(
      'list_sessions',
    );
    const unknown = await refused('get_session', { sessionid: 'x' }, 'INVALID_ARGUMENT');
    expect(unknown).toContain('"sessionid"');
    expect(unknown).toContain('session_id');
    await refused('list_sessions', { limit: 2, page_number: 1 }, 'INVALID_ARGUMENT');
    await refused('list_sessions', { cursor: 'no cursor of ours' }, 'INVALID_ARGUMENT');
    await refused('add_session', { session_id: 'x', user_id: 'nobody' }, 'NOT_FOUND');
  });

  it('is told by the protocol that there is no such tool and no such resource', async () => {
    await expect(client.callTool('no_such_tool')).rejects.toMatchObject({ code: -32602 });
    const uri = 'session://no%2Fsuch';
    await expect(client.readResource(uri)).rejects.toMatchObject({ code: -32602, data: { uri } });
    await expect(client.readResource('file:///etc/passwd')).rejects.toMatchObject({ code: -32602 });
    await expect(client.complete('other://{x}', 'x', '')).rejects.toMatchObject({ code: -32602 });
  });

  it('finds its sessions again after the server was restarted', async () => {
    const live = await addSession({ kept: true });
    const deleted = await addSession({ deleted: true });
    await call('delete_session', { session_id: deleted.session_id });
    await client.close();
    await endpoint.stop();

    await start();
    expect(await call('get_session', { session_id: live.session_id })).toEqual({ session: live });
    await refused('get_session', { session_id: deleted.session_id }, 'NOT_FOUND');
    expect(await call('restore_session', { session_id: deleted.session_id })).toEqual({
      session: deleted,
    });
  });
}

describe('a v2 client that is not told the protocol era', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.open();
  });
  afterAll(() => servers?.close());

  it.each<TransportKind>(['stdio', 'Streamable HTTP'])(
    'finds the modern one by itself over %s',
    async (transport) => {
      const client = await (await servers.serve(transport)).connect('v2 auto');
      expect(client.protocolVersion).toBe(MODERN);
      expect((await client.callTool('list_sessions')).isError).toBe(false);
    },
  );

  it.each<TransportKind>(['stdio', 'Streamable HTTP'])(
    'is served in the older one over %s if that is what it asks for',
    async (transport) => {
      const client = await (await servers.serve(transport)).connect('v2 legacy');
      expect(client.protocolVersion).toBe('2025-11-25');
      expect((await client.callTool('list_sessions')).isError).toBe(false);
    },
  );
});
