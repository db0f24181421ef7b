import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send } from '../support/raw-http.ts';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

/** How many requests are under way at once. */
const AT_ONCE = 20;
const ROUNDS = 3;

type Body = { messages: object[]; [key: string]: unknown };

const said = (...contents: string[]): Body => ({
  messages: contents.map((content) => ({ role: 'user', content, metadata: { a: [1] } })),
});

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(`two servers, in ${store.name}${skipped}`, () => {
    let database: E2eDatabase;
    let servers: Servers;
    let urls: string[];
    beforeAll(async () => {
      database = store.open();
      servers = await Servers.open();
      const { env } = database;
      const both = [servers.spawnHttp({ env }), servers.spawnHttp({ env })];
      urls = (await Promise.all(both)).map(({ url }) => url);
    });
    afterAll(async () => {
      await servers?.close();
      await database?.drop();
    });

    /** Sends appends at once, in turns to both servers. All have to succeed. */
    async function append(session: string, bodies: readonly Body[], version = 'v1') {
      const path = `/api/${version}/sessions/${session}/memory`;
      const sending = bodies.map((body, i) =>
        send(urls[i % 2] as string, { method: 'POST', path, body: JSON.stringify(body) }),
      );
      for (const { status, body } of await Promise.all(sending)) {
        expect(status, body).toBe(version === 'v1' ? 200 : 201);
      }
    }

    async function contents(session: string): Promise<string[]> {
      const path = `/api/v1/sessions/${session}/messages?limit=1000`;
      const { body } = await send(urls[0] as string, { path });
      return JSON.parse(body).messages.map(({ content }: { content: string }) => content);
    }

    /** A session that is new, one that has messages, and one that was deleted. */
    const BEFORE: [what: string, prepare: (session: string) => Promise<unknown>, kept: string[]][] =
      [
        ['a new session', async () => {}, []],
        ['a session with messages', (session) => append(session, [said('before')]), ['before']],
        [
          'a deleted session',
          async (session) => {
            await append(session, [said('before')]);
            const path = `/api/v1/sessions/${session}/memory`;
            await send(urls[0] as string, { method: 'DELETE', path });
          },
          [],
        ],
      ];

    it.each(BEFORE)('store equal appends to %s once', async (_, prepare, kept) => {
      for (let round = 0; round < ROUNDS; round++) {
        for (const version of ['v1', 'v2']) {
          const session = randomUUID();
          await prepare(session);
          await append(session, Array(AT_ONCE).fill(said('a', 'b')), version);
          await append(session, [said('a', 'b'), said('a', 'b')], version);
          expect(await contents(session)).toEqual([...kept, 'a', 'b']);
        }
      }
    });

    it.each(BEFORE)('store different appends to %s, each of them', async (_, prepare, kept) => {
      for (let round = 0; round < ROUNDS; round++) {
        const session = randomUUID();
        await prepare(session);
        const texts = Array.from({ length: AT_ONCE }, (_, i) => `${i}`);
        await append(
          session,
          texts.map((text) => said(text)),
        );
        expect((await contents(session)).toSorted()).toEqual([...kept, ...texts].toSorted());
      }
    });

    it('store equal appends with metadata and a summary of a new session once', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const session = randomUUID();
        const body = { ...said('a'), metadata: { b: 1 }, summary: { content: 'so far' } };
        await append(session, Array(AT_ONCE).fill(body));
        expect(await contents(session)).toEqual(['a']);
        const answer = await send(urls[1] as string, {
          path: `/api/v1/sessions/${session}/memory`,
        });
        expect(JSON.parse(answer.body)).toMatchObject({
          ...{ metadata: { b: 1 }, summary: { content: 'so far' } },
        });
      }
    });

    it('store what is said again after something else was said', async () => {
      const session = randomUUID();
      for (const text of ['yes', 'no', 'yes', 'yes', 'no']) await append(session, [said(text)]);
      expect(await contents(session)).toEqual(['yes', 'no', 'yes', 'no']);
    });
  });
}
