import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../../support/call.ts';
import { changesOf, messages, sessionUri } from '../../support/change-fixtures.ts';
import type { ClientKind, McpClient } from '../../support/clients.ts';
import type { TransportKind } from '../../support/server-process.ts';
import { ADA, BOB, type People, SharedServer } from './fixture.ts';

/** The transports over HTTP that carry notifications of changes. */
const WAYS: [transport: TransportKind, kind: ClientKind][] = [
  ['Streamable HTTP', 'v2'],
  ['HTTP+SSE', 'v1'],
  ['HTTP+SSE', 'v2'],
];

const userUri = (id: string) => `user://${encodeURIComponent(id)}`;

describe.each(WAYS)('over %s, of what a %s client subscribed to', (transport, kind) => {
  let server: SharedServer;
  let clients: People<McpClient>;

  beforeAll(async () => {
    server = await SharedServer.open(transport, { env: {}, drop: async () => {} });
    const connect = (who: keyof People<unknown>) => server.connect(who, kind);
    const [acme, ada, bob, beta] = await Promise.all(
      (['acme', 'ada', 'bob', 'beta'] as const).map(connect),
    );
    clients = { acme, ada, bob, beta } as People<McpClient>;
    for (const user_id of [ADA, BOB]) await call(clients.acme, 'add_user', { user_id });
  });
  afterAll(() => server?.close());

  it('everybody hears what exists for them, and nothing of the rest', async () => {
    const { acme, ada, bob, beta } = clients;
    const hers = `${encodeURIComponent(ADA)}/${randomUUID()}`;
    const nobodys = randomUUID();
    const shared = randomUUID();
    const ends = new Map<McpClient, string>();
    const everything = [
      ...[hers, nobodys, shared].flatMap((id) => [sessionUri(id), `${sessionUri(id)}/messages`]),
      ...[ADA, BOB].map(userUri),
      ...[ADA, BOB].flatMap((id) => [`${userUri(id)}/sessions`, `${userUri(id)}/facts`]),
    ];
    for (const client of Object.values(clients)) {
      const pin = client === ada ? `${encodeURIComponent(ADA)}/` : '';
      const end = client === bob ? `${encodeURIComponent(BOB)}/end` : `${pin}${randomUUID()}`;
      ends.set(client, end);
      await client.subscribe(...everything, sessionUri(end));
    }

    const [message] = (await call(ada, 'add_memory', { session_id: hers, messages })).messages;
    await call(acme, 'add_memory', { session_id: nobodys, messages });
    await call(acme, 'add_session', { session_id: shared, user_id: ADA });
    await call(beta, 'add_memory', { session_id: shared, messages });
    for (const [tool, args] of changesOf(message.uuid)) {
      await call(ada, tool, { session_id: hers, ...args });
    }
    await call(ada, 'update_user', { user_id: ADA, first_name: 'Ada' });
    const fact = { subject: 'Ada', predicate: 'LIKES', object: 'tea', fact: 'Ada likes tea.' };
    await call(ada, 'add_facts', { user_id: ADA, facts: [fact] });
    await call(acme, 'delete_user', { user_id: ADA });
    await call(acme, 'restore_user', { user_id: ADA });

    // Notifications keep their order: any earlier one has arrived by then.
    for (const [client, end] of ends) {
      await call(client, 'add_memory', { session_id: end, messages });
      await expect.poll(() => client.updates, { interval: 5 }).toContain(sessionUri(end));
    }
    const heard = (client: McpClient) =>
      new Set(client.updates.filter((uri) => uri !== sessionUri(ends.get(client) as string)));
    const of = (id: string) => [sessionUri(id), `${sessionUri(id)}/messages`];
    const lists = [`${userUri(ADA)}/sessions`, `${userUri(ADA)}/facts`];
    const adas = [...of(hers), ...of(shared), userUri(ADA), ...lists];
    // Bob's end of the test is a session of his, of which acme hears, too.
    const bobs = [`${userUri(BOB)}/sessions`];
    expect(heard(ada)).toEqual(new Set(adas));
    expect(heard(bob)).toEqual(new Set(bobs));
    expect(heard(acme)).toEqual(new Set([...adas, ...of(nobodys), ...bobs]));
    expect(heard(beta)).toEqual(new Set(of(shared)));
  });

  it('a stranger may subscribe to it as to what there never was', async () => {
    const { bob, beta } = clients;
    for (const client of [bob, beta]) {
      for (const id of [`${encodeURIComponent(ADA)}/x`, randomUUID()]) {
        const end = await client.subscribe(sessionUri(id));
        await end();
      }
    }
  });
});
