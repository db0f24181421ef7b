import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../src/rest/routes.ts';
import type { McpClient } from '../../support/clients.ts';
import { send } from '../../support/raw-http.ts';
import { E2E_DATABASES, type E2eDatabase } from '../../support/test-databases.ts';
import type { Target } from './cases.ts';
import {
  ADA,
  addRecords,
  BOB,
  inventory,
  type People,
  SECRET,
  SharedServer,
  unknownTarget,
} from './fixture.ts';
import { outcome } from './outcome.ts';
import { type Attempt, REST_CASES } from './rest-cases.ts';

/** The lists that name no record: they show the caller's own. */
const LISTS = [
  ...['GET /api/v1/sessions', 'GET /api/v1/user'],
  ...['GET /api/v2/sessions-ordered', 'GET /api/v2/users-ordered'],
];

it('every route has its cases here, or is a list of what is the caller’s own', () => {
  const names = ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect([...Object.keys(REST_CASES), ...LISTS].toSorted()).toEqual(names.toSorted());
});

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(`over REST, in ${store.name}${skipped}`, () => {
    let database: E2eDatabase;
    let server: SharedServer;
    let acme: McpClient;
    let targets: Map<string, Target>;

    beforeAll(async () => {
      database = store.open();
      server = await SharedServer.open('Streamable HTTP', database);
      acme = await server.connect('acme', 'v2');
      targets = await addRecords(acme);
      for (const target of targets.values()) {
        const body = { user_id: target.user_id, data: SECRET };
        const kept = await ask('acme', { method: 'POST', path: '/api/v2/graph', body });
        if (kept.status === 200) target.episode = JSON.parse(kept.body).uuid;
      }
    });
    afterAll(async () => {
      await server?.close();
      await database?.drop();
    });

    /** Sends a request with the token of a caller, and returns all of the answer that a program sees. */
    async function ask(who: keyof People<unknown>, { method, path, body }: Attempt) {
      const authorization = `${path.startsWith('/api/v2') ? 'Api-Key' : 'Bearer'} ${server.tokens[who]}`;
      const answer = await send(server.url, {
        ...{ method, path, headers: { authorization } },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const { 'content-type': type, allow } = answer.headers;
      // The numbers of records are random.
      return {
        status: answer.status,
        type,
        allow,
        body: answer.body.replace(/"id":\d+/g, '"id":0'),
      };
    }
    const list = async (who: keyof People<unknown>, path: string) =>
      JSON.parse((await ask(who, { method: 'GET', path })).body);

    describe.each(['beta', 'bob'] as const)('%s', (stranger) => {
      /** Everything that the stranger was told. */
      const told: string[] = [];

      /** The outcomes of all requests with the identifiers of a target, in order. */
      async function tryAll(target: Target) {
        const own = `${encodeURIComponent(BOB)}/${randomUUID()}`;
        const { session_id, user_id, uuid, fact } = target;
        const names = [session_id, user_id, uuid, fact.entity, own];
        const found: [string, string][] = [];
        for (const [route, cases] of Object.entries(REST_CASES)) {
          for (const attempt of cases(target, own)) {
            const what = `${route} ${attempt.path.split('?')[1] ?? ''} ${Object.keys(attempt.body ?? {})}`;
            const hear = (text: string) => void told.push(text);
            found.push([what, await outcome(ask(stranger, attempt), names, hear)]);
          }
        }
        return found;
      }

      it('is told of no record by the lists, and none is counted', async () => {
        const user_id = stranger === 'bob' ? [BOB] : [];
        expect(await list(stranger, '/api/v1/sessions')).toEqual([]);
        expect(await list(stranger, '/api/v2/sessions-ordered')).toEqual({
          ...{ sessions: [], total_count: 0, response_count: 0 },
        });
        const ids = (users: { user_id: string }[]) => users.map((user) => user.user_id);
        expect(ids(await list(stranger, '/api/v1/user?limit=100'))).toEqual(user_id);
        const { users, ...counts } = await list(stranger, '/api/v2/users-ordered?pageSize=1');
        expect(ids(users)).toEqual(user_id);
        expect(counts).toEqual({ total_count: user_id.length, row_count: user_id.length });
      });

      it('learns and changes nothing by any route, in any order', async () => {
        const before = await inventory(acme);
        for (const [name, target] of targets) {
          const theirs = await tryAll(target);
          const nobodys = await tryAll(unknownTarget(target));
          expect(theirs, name).toEqual(nobodys);
        }
        expect(await inventory(acme)).toBe(before);
      });

      it('was never told of what is secret, nor of a fault', () => {
        expect(told.length).toBeGreaterThan(200);
        for (const text of told) expect(text).not.toContain(SECRET);
        const statuses = new Set(told.map((text) => /"status":(\d+)/.exec(text)?.[1]));
        const expected = stranger === 'bob' ? '200 400 403 404' : '200 201 400 404';
        expect([...statuses].toSorted().join(' ')).toBe(expected);
      });
    });

    it('ada is shown what is hers, and nothing of the rest is counted', async () => {
      const { uuid, fact, episode } = targets.get('a live session') as Target;
      const paths = [`edge/${fact.uuid}`, `episodes/${episode}`, `episodes/user/${ADA}`];
      const messages = [`episodes/${uuid}`, `node/${fact.entity_uuid}/episodes`];
      for (const path of [...paths, ...messages]) {
        const { status, body } = await ask('ada', { method: 'GET', path: `/api/v2/graph/${path}` });
        expect([path, status, body.includes(SECRET)]).toEqual([path, 200, true]);
      }
      const { sessions, total_count } = await list('ada', '/api/v2/sessions-ordered?page_size=1');
      expect([sessions.length, total_count]).toEqual([1, 2]);
      expect(await list('ada', '/api/v1/sessions')).toHaveLength(2);
      const { users, total_count: all } = await list('ada', '/api/v2/users-ordered');
      expect([users.map((user: { user_id: string }) => user.user_id), all]).toEqual([[ADA], 1]);
      const found = await ask('ada', {
        ...{ method: 'POST', path: '/api/v2/sessions/search?limit=100' },
        body: { text: SECRET },
      });
      const { results } = JSON.parse(found.body);
      const ids = results.map(({ session_id }: { session_id: string }) => session_id);
      expect(new Set(ids)).toEqual(new Set([targets.get('a live session')?.session_id]));
    });
  });
}
