import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Records, readChanges, readRecords, runImport, send } from '../support/import-zep.ts';
import { Random } from '../support/random.ts';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

const USERS = 20;
const SESSIONS = 200;
const MESSAGES = 10_000;

const seed = process.env.IMPORT_SEED ?? randomUUID().slice(0, 8);

let servers: Servers;
let source: { url: string };
let expected: Records;
beforeAll(async () => {
  servers = await Servers.open();
  source = await servers.spawnHttp({ env: { SESSIONS_DB: join(servers.directory, 'source.db') } });
  await fill(new Random(seed));
  expected = await readRecords(source.url);
});
afterAll(() => servers.close());

/** Writes what is imported, through the first API. Sessions have from no message to hundreds of them. */
async function fill(random: Random): Promise<void> {
  const post = (path: string, body: unknown) => send(source.url, 'POST', `/api/v1${path}`, body);
  const words = ['harbour', 'invoice', 'Zürich', '列车', 'tomorrow', 'blue', 'why?', '\n- item'];
  await Promise.all(
    Array.from({ length: USERS }, (_, i) =>
      post('/user', { user_id: `user ${i}`, email: `${i}@example.org`, metadata: { i } }),
    ),
  );
  const sizes = Array.from({ length: SESSIONS }, (_, i) => (i % 10 === 0 ? 0 : 2 * (i % 50)));
  const sum = sizes.reduce((total, size) => total + size, 0);
  sizes[SESSIONS - 1] = (sizes[SESSIONS - 1] ?? 0) + MESSAGES - sum;
  const write = async (size: number, i: number, random: Random): Promise<void> => {
    const session_id = `session/${i} ${random.pick(words).trim()}`;
    const memory = `/sessions/${encodeURIComponent(session_id)}/memory`;
    const owner = i % 3 === 0 ? {} : { user_id: `user ${i % USERS}` };
    await post('/sessions', { session_id, ...owner, metadata: { i, tags: [random.pick(words)] } });
    for (let written = 0; written < size; written += 500) {
      await post(memory, {
        messages: Array.from({ length: Math.min(500, size - written) }, (_, n) => ({
          role: n % 2 === 0 ? 'user' : 'assistant',
          content: Array.from({ length: random.between(0, 30) }, () => random.pick(words)).join(
            ' ',
          ),
          ...(random.chance(0.2) && { metadata: { n, nested: { word: random.pick(words) } } }),
          ...(random.chance(0.5) && { created_at: new Date(1.6e12 + 1e6 * n + i).toISOString() }),
        })),
        ...(i % 4 === 0 && { summary: { content: `What was said up to ${written}.` } }),
      });
    }
  };
  await Promise.all(sizes.map((size, i) => write(size, i, random.fork(String(i)))));
}

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(
    `import zep of ${MESSAGES} messages in ${SESSIONS} sessions into ${store.name}${skipped}`,
    () => {
      let database: E2eDatabase;
      let env: Record<string, string>;
      beforeAll(() => {
        database = store.open();
        env = { SESSIONS_DB: join(servers.directory, 'target.db'), ...database.env };
      });
      afterAll(() => database.drop());

      const args = () => ['--url', source.url, '--api', 'v1'];

      async function inTarget<T>(read: (url: string) => Promise<T>): Promise<T> {
        const target = await servers.spawnHttp({ env });
        try {
          return await read(target.url);
        } finally {
          await target.kill('SIGTERM');
        }
      }

      it(`survives a kill in the middle, and arrives equal (IMPORT_SEED=${seed})`, async () => {
        const killed = servers.spawn({ args: ['import', 'zep', ...args()], env });
        await killed.logged(/ 1\d\d sessions, \d+ messages so far/);
        expect(await killed.kill('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });

        const { code, stdout } = await runImport(servers, args(), env);
        expect(code).toBe(0);
        const counts =
          /Imported (\d+) users, (\d+) sessions, (\d+) messages.*here: (\d+) users, (\d+) sessions, (\d+) messages/.exec(
            stdout,
          );
        const [users, sessions, messages, ...present] = (counts ?? []).slice(1).map(Number) as [
          ...[number, number, number, number, number, number],
        ];
        // Some were left for the second run, and it imported no more than these.
        expect(sessions).toBeGreaterThan(0);
        expect(messages).toBeGreaterThan(0);
        expect(present.every((count) => count > 0)).toBe(true);
        expect([users + present[0], sessions + present[1], messages + present[2]]).toEqual([
          ...[USERS, SESSIONS, MESSAGES],
        ]);
        expect(await inTarget(readRecords)).toStrictEqual(expected);
      });

      it('changes nothing when it is done again', async () => {
        const before = await inTarget(readChanges);
        const { code, stdout } = await runImport(servers, args(), env);
        expect(code).toBe(0);
        expect(stdout).toContain('Imported 0 users, 0 sessions, 0 messages, 0 summaries.');
        expect(stdout).toContain(`${USERS} users, ${SESSIONS} sessions, ${MESSAGES} messages`);
        expect(await inTarget(readChanges)).toStrictEqual(before);
      });
    },
  );
}
