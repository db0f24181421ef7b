import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../../support/call.ts';
import type { McpClient } from '../../support/clients.ts';
import { E2E_DATABASES, type E2eDatabase } from '../../support/test-databases.ts';
import { ADA, SharedServer } from './fixture.ts';
import { median } from './outcome.ts';

/** The number of calls of each kind, which are interleaved so that other load slows both alike. */
const ROUNDS = 120;

/** The number of calls that do not count. */
const WARM_UP = 30;

/** How often the measurement is repeated when they differ. */
const ATTEMPTS = 8;

/** The highest ratio of the medians. Reading the record adds a third and more. */
const TOLERANCE = 1.2;

const said = (content: string) => ({ role: 'user', content });
const UUID = randomUUID();

/** For each tool, the call that would do the most work if the session were the caller's. */
const CALLS: [tool: string, args: Record<string, unknown>][] = [
  ['get_session', {}],
  ['get_memory', { last_n: 200 }],
  ['list_messages', { limit: 1000 }],
  ['update_session_metadata', { metadata: { a: 1 } }],
  ['update_message_metadata', { uuid: UUID, metadata: { a: 1 } }],
  ['set_summary', { content: 'x', up_to_seq: 1 }],
  ['delete_session', {}],
  ['restore_session', {}],
  ['add_session', {}],
  ['add_memory', { messages: [said('x')] }],
];

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(`in ${store.name}${skipped}`, () => {
    let database: E2eDatabase;
    let server: SharedServer;
    let bob: McpClient;
    let beta: McpClient;
    const session_id = `large-${randomUUID()}`;

    beforeAll(async () => {
      database = store.open();
      server = await SharedServer.open('Streamable HTTP', database);
      const acme = await server.connect('acme', 'v2');
      bob = await server.connect('bob', 'v2');
      beta = await server.connect('beta', 'v2');
      await call(acme, 'add_user', { user_id: ADA });
      const metadata = { note: 'm'.repeat(200_000) };
      await call(acme, 'add_session', { session_id, user_id: ADA, metadata });
      const messages = Array.from({ length: 300 }, (_, i) => ({
        ...said('c'.repeat(2000)),
        ...(i === 299 && { uuid: UUID }),
      }));
      await call(acme, 'add_memory', { session_id, messages });
    });
    afterAll(async () => {
      await server?.close();
      await database?.drop();
    });

    /** The medians of the calls with another user's session and with none. */
    async function compare(client: McpClient, tool: string, args: Record<string, unknown>) {
      const times: Record<'theirs' | 'nobodys', number[]> = { theirs: [], nobodys: [] };
      const never = session_id.replace(/.$/, '!');
      for (let round = 0; round < ROUNDS; round++) {
        const order = round % 2 === 0 ? ['theirs', 'nobodys'] : ['nobodys', 'theirs'];
        for (const kind of order as (keyof typeof times)[]) {
          const started = performance.now();
          const id = kind === 'theirs' ? session_id : never;
          const { isError } = await client.callTool(tool, { ...args, session_id: id });
          if (round >= WARM_UP) times[kind].push(performance.now() - started);
          expect(isError).toBe(true);
        }
      }
      return median(times.theirs) / median(times.nobodys);
    }

    /** Other load may slow one kind of calls by chance, but not repeatedly. */
    async function expectSameTime(client: McpClient, tool: string, args: Record<string, unknown>) {
      const ratios: number[] = [];
      while (ratios.length < ATTEMPTS) {
        const ratio = await compare(client, tool, args);
        if (ratio < TOLERANCE && ratio > 1 / TOLERANCE) return;
        ratios.push(ratio);
      }
      expect.fail(`the times differ again and again, by ${ratios.join(', ')}`);
    }

    it.each(CALLS)(
      "somebody else's large session takes no longer than none: %s",
      async (tool, args) => {
        await expectSameTime(bob, tool, args);
      },
    );

    it.each(CALLS.slice(0, 3))("nor does another namespace's: %s", async (tool, args) => {
      await expectSameTime(beta, tool, args);
    });
  });
}
