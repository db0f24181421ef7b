import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { call } from '../support/call.ts';
import { changesOf, messages, sessionUri } from '../support/change-fixtures.ts';
import type { ClientKind, McpClient, Progress } from '../support/clients.ts';
import { EVERY_TOOLSET } from '../support/offered.ts';
import { type Endpoint, Servers, type TransportKind } from '../support/server-process.ts';

/** Where connections can carry news of changes. */
const WAYS: [transport: TransportKind, kind: ClientKind, how: string][] = [
  ['stdio', 'v1', 'resources/subscribe'],
  ['stdio', 'v2', 'subscriptions/listen'],
  ['Streamable HTTP', 'v2', 'subscriptions/listen'],
  ['HTTP+SSE', 'v1', 'resources/subscribe'],
];

let servers: Servers;
beforeAll(async () => {
  servers = await Servers.open();
});
afterAll(() => servers?.close());

describe.each(WAYS)('over %s, a %s client that subscribes by %s', (transport, kind) => {
  let endpoint: Endpoint;
  let client: McpClient;
  /** Changes what the first one hears of; on stdio nobody else reaches the same process. */
  let other: McpClient;
  /** Subscribed to with whatever is: when it is heard of, so is everything before it. */
  let marker: string;

  beforeAll(async () => {
    endpoint = await servers.serve(transport, { args: EVERY_TOOLSET });
    client = await endpoint.connect(kind);
    other = transport === 'stdio' ? client : await endpoint.connect(kind);
    marker = `marker ${randomUUID()}`;
    await call(client, 'add_session', { session_id: marker });
  });
  afterAll(async () => {
    await client?.close();
    if (other !== client) await other?.close();
    await endpoint?.stop();
  });

  const subscribe = (...uris: string[]) => client.subscribe(sessionUri(marker), ...uris);

  /** The resources that the client heard of because of `change`, each once. */
  async function heardOf(change: () => Promise<unknown>): Promise<Set<string>> {
    const before = client.updates.length;
    await change();
    const uri = sessionUri(marker);
    await call(other, 'update_session_metadata', { session_id: marker, metadata: {} });
    await expect.poll(() => client.updates.slice(before), { interval: 2 }).toContain(uri);
    return new Set(client.updates.slice(before).filter((updated) => updated !== uri));
  }

  it('hears of every change of the session, by whatever tool', async () => {
    const session_id = `a/b 🦊 ${randomUUID()}`;
    const uri = sessionUri(session_id);
    const end = await subscribe(uri, `${uri}/messages`);
    const [message] = (await call(other, 'add_memory', { session_id, messages })).messages;
    for (const [tool, args] of [
      ['add_memory', { messages }],
      ['add_memory', { messages: [{ ...messages[0], uuid: message.uuid, content: 'better' }] }],
      ...changesOf(message.uuid),
    ] as const) {
      const heard = await heardOf(() => call(other, tool, { session_id, ...args }));
      expect(heard, tool).toEqual(new Set([uri, `${uri}/messages`]));
    }

    await call(other, 'delete_session', { session_id });
    const revived = await heardOf(() => call(other, 'add_memory', { session_id, messages }));
    expect(revived, 'revived').toContain(uri);
    const whole = await heardOf(() => call(other, 'restore_session', { session_id }));
    expect(whole, 'put back').toEqual(new Set([uri, `${uri}/messages`]));
    await end();
  });

  it('hears of a session that comes to be', async () => {
    const session_id = randomUUID();
    const end = await subscribe(sessionUri(session_id));
    const heard = await heardOf(() => call(other, 'add_session', { session_id }));
    expect(heard).toEqual(new Set([sessionUri(session_id)]));
    await end();
  });

  it('hears of a user, and of the sessions of the user', async () => {
    const user_id = randomUUID();
    const session_id = randomUUID();
    const uri = `user://${user_id}`;
    const end = await subscribe(uri, `${uri}/sessions`);
    const added = await heardOf(() => call(other, 'add_user', { user_id }));
    expect(added).toContain(uri);
    const begun = await heardOf(() => call(other, 'add_session', { session_id, user_id }));
    expect(begun).toEqual(new Set([`${uri}/sessions`]));
    const continued = await heardOf(() => call(other, 'add_memory', { session_id, messages }));
    expect(continued).toEqual(new Set([`${uri}/sessions`]));
    for (const tool of ['update_user', 'delete_user', 'restore_user']) {
      expect(await heardOf(() => call(other, tool, { user_id })), tool).toContain(uri);
    }
    await end();
  });

  it('hears of the facts about a user, and of no session then', async () => {
    const user_id = randomUUID();
    await call(other, 'add_user', { user_id });
    const uri = `user://${user_id}/facts`;
    const end = await subscribe(uri, `user://${user_id}/sessions`, sessionUri(user_id));
    const fact = { subject: 'Ada', predicate: 'LIKES', object: 'tea', fact: 'Ada likes tea.' };
    const uuids: string[] = [];
    const added = await heardOf(async () => {
      const answer = await call(other, 'add_facts', { user_id, facts: [fact] });
      uuids.push(answer.facts[0].uuid);
    });
    expect(added).toEqual(new Set([uri]));
    for (const [tool, args] of [
      ['update_fact', { uuid: uuids[0], fact: 'Ada loves tea.' }],
      ['delete_facts', { uuids }],
      ['restore_facts', { uuids }],
      ['delete_entity', { name: 'tea' }],
    ] as const) {
      const heard = await heardOf(() => call(other, tool, { user_id, ...args }));
      expect(heard, tool).toEqual(new Set([uri]));
    }
    const read = () => call(other, 'search_facts', { user_id, query: 'tea' });
    expect(await heardOf(read)).toEqual(new Set());
    for (const tool of ['delete_user', 'restore_user']) {
      const heard = await heardOf(() => call(other, tool, { user_id }));
      expect(heard, tool).toEqual(new Set([uri, `user://${user_id}/sessions`]));
    }
    await end();
  });

  it('hears that a session goes and comes back with its user', async () => {
    const user_id = randomUUID();
    const session_id = randomUUID();
    await call(other, 'add_user', { user_id });
    await call(other, 'add_session', { session_id, user_id });
    const end = await subscribe(sessionUri(session_id));
    for (const tool of ['delete_user', 'restore_user']) {
      const heard = await heardOf(() => call(other, tool, { user_id }));
      expect(heard, tool).toEqual(new Set([sessionUri(session_id)]));
    }
    await end();
  });

  it('hears nothing of what it did not subscribe to, of reading, and of what failed', async () => {
    const subscribed = randomUUID();
    const session_id = randomUUID();
    const end = await subscribe(sessionUri(subscribed));
    const heard = await heardOf(async () => {
      await call(other, 'add_memory', { session_id, messages });
      await call(other, 'get_memory', { session_id });
      await call(other, 'delete_session', { session_id });
      for (const tool of ['get_session', 'delete_session', 'restore_session']) {
        expect((await other.callTool(tool, { session_id: subscribed })).isError).toBe(true);
      }
    });
    expect(heard).toEqual(new Set());
    await end();
  });

  it('hears nothing any more once it has ended the subscription', async () => {
    const session_id = randomUUID();
    const end = await subscribe(sessionUri(session_id));
    const add = () => call(other, 'add_memory', { session_id, messages });
    expect(await heardOf(add)).toContain(sessionUri(session_id));
    await end();
    const endMarker = await subscribe();
    expect(await heardOf(add)).toEqual(new Set());
    await endMarker();
  });
});

describe('a client', () => {
  it('is not offered subscriptions, over Streamable HTTP in the older era', async () => {
    const endpoint = await servers.serve('Streamable HTTP');
    const client = await endpoint.connect('v1');
    await expect(client.subscribe('session://one')).rejects.toThrow();
    await client.close();
    await endpoint.stop();
  });

  it('is refused a subscription to what is no resource', async () => {
    const client = await servers.connectStdio('v1');
    for (const uri of ['file:///etc/passwd', 'session://a/other', 'session://%ZZ', '']) {
      await expect(client.subscribe(uri), uri).rejects.toMatchObject({ code: -32602 });
    }
    await client.close();
  });

  it('is refused a subscription to a URI that is longer than that of any resource', async () => {
    const client = await servers.connectStdio('v1');
    const longest = `session://${'%F0%9F%A6%8A'.repeat(256)}/messages`;
    await client.subscribe(longest);
    await call(client, 'add_memory', { session_id: '🦊'.repeat(256), messages });
    await expect.poll(() => client.updates).toEqual([longest]);
    const padded = `session://a/messages?from_seq=${'0'.repeat(8192)}`;
    const refusal = { code: -32602, message: expect.stringContaining('at most 8192') };
    await expect(client.subscribe(padded)).rejects.toMatchObject(refusal);
    await client.close();
  });

  it('hears of a session under the URI that it subscribed with, however that is encoded', async () => {
    const client = await servers.connectStdio('v1');
    // encodeURIComponent writes neither of them so; other programs do.
    const uris = ['session://a%2fb', 'session://it%27s', 'session://long/messages?from_seq=51'];
    await client.subscribe(...uris);
    for (const session_id of ['a/b', "it's", 'long']) {
      await call(client, 'add_memory', { session_id, messages });
    }
    await expect.poll(() => client.updates).toEqual(uris);
    await client.close();
  });

  it('hears nothing of the changes that another process makes', async () => {
    const [here, there] = await Promise.all([
      servers.connectStdio('v1'),
      servers.connectStdio('v2'),
    ]);
    const [session_id, marker] = [randomUUID(), randomUUID()];
    await here.subscribe(sessionUri(session_id), sessionUri(marker));
    await call(there, 'add_session', { session_id });
    await call(here, 'add_session', { session_id: marker });
    await expect.poll(() => here.updates).toEqual([sessionUri(marker)]);
    await Promise.all([here.close(), there.close()]);
  });
});

const replicaSet = inject('mongodbReplicaSet');
const skipped = replicaSet === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';

describe.skipIf(replicaSet === null)(`a user with 1,500 sessions in MongoDB${skipped}`, () => {
  const uri = replicaSet as string;
  const database = `e2e_${randomUUID()}`;
  const SESSIONS = 1500;
  let endpoint: Endpoint;
  let client: McpClient;

  beforeAll(async () => {
    const env = { MONGODB_URI: uri, MONGODB_DATABASE: database };
    endpoint = await servers.serve('Streamable HTTP', { env });
    client = await endpoint.connect('v2');
    await call(client, 'add_user', { user_id: 'busy' });
    await call(client, 'add_session', { session_id: 'first', user_id: 'busy' });
    await multiply(uri, database, SESSIONS);
  });
  afterAll(async () => {
    await client?.close();
    await endpoint?.stop();
    const mongo = new MongoClient(uri);
    await mongo.db(database).dropDatabase();
    await mongo.close();
  });

  it('is deleted and restored in steps, of which a caller hears who asks for it', async () => {
    for (const tool of ['delete_user', 'restore_user']) {
      const heard: Progress[] = [];
      const answer = await client.callTool(tool, { user_id: 'busy' }, (step) => heard.push(step));
      expect(answer.isError, answer.text).toBe(false);
      if (tool === 'delete_user') {
        expect(answer.content.deleted_session_count).toBe(SESSIONS);
        const { isError } = await client.callTool('get_session', { session_id: 'copy-7' });
        expect(isError).toBe(true);
      }
      const steps = heard.map(({ progress }) => progress);
      expect(steps.length, tool).toBeGreaterThan(1);
      expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
      expect(heard.at(-1)).toMatchObject({ progress: SESSIONS, total: SESSIONS });
    }
    expect((await client.callTool('get_session', { session_id: 'copy-7' })).isError).toBe(false);
  });
});

/** Makes one session many by copying it in the database: calls would take as long as all the rest. */
async function multiply(uri: string, database: string, count: number): Promise<void> {
  const mongo = new MongoClient(uri);
  const sessions = mongo.db(database).collection<{ _id: string }>('mcp_sessions_sessions');
  const first = await sessions.findOne({});
  const copies = Array.from({ length: count - 1 }, (_, i) => ({
    ...first,
    _id: randomUUID(),
    session_id: `copy-${i}`,
  }));
  await sessions.insertMany(copies);
  await mongo.close();
}
