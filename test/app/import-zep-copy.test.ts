import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Records, readChanges, readRecords, runImport, send } from '../support/import-zep.ts';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

/** More than a page of users and of messages. Tests with other servers have as many sessions. */
const MANY = 150;

const EMPTY_SESSIONS = 10;

/** The identifiers that paths make trouble of. */
const ODD_IDENTIFIERS = [
  ...[
    'a/b',
    'a/memory',
    '..',
    '.',
    'ünï códe',
    '100%',
    'q?x=1&y#z',
    'a:b@c;d,e$f+g',
    "it's (so)!*",
  ],
  ...['%2F', 'x'.repeat(1024), '会話'],
];

let servers: Servers;
let source: { url: string };
let expected: Records;
beforeAll(async () => {
  servers = await Servers.open();
  source = await servers.spawnHttp({ env: { SESSIONS_DB: join(servers.directory, 'source.db') } });
  await fill();
  expected = await readRecords(source.url);
});
afterAll(() => servers.close());

const post = (path: string, body: unknown) => send(source.url, 'POST', path, body);

/** Writes what is imported: through the second API, whose messages have names, and the first. */
async function fill(): Promise<void> {
  const numbers = Array.from({ length: MANY }, (_, i) => i);
  await Promise.all(
    numbers.map((i) =>
      post('/api/v1/user', {
        user_id: `user ${i}`,
        ...(i % 2 === 0 && { email: `${i}@example.org`, first_name: 'Ada', metadata: { n: [i] } }),
      }),
    ),
  );
  await Promise.all(
    numbers
      .slice(0, EMPTY_SESSIONS)
      .map((i) => post('/api/v1/sessions', { session_id: `empty ${i}`, user_id: `user ${i % 7}` })),
  );
  for (const [i, session_id] of ODD_IDENTIFIERS.entries()) {
    const memory = `/api/v1/sessions/${encodeURIComponent(session_id)}/memory`;
    await post('/api/v1/sessions', { session_id, user_id: 'user 1', metadata: { deep: { i } } });
    await post(memory, {
      messages: [
        { role: 'Human', content: `of ${session_id}`, created_at: '2022-02-02T02:02:02.222Z' },
        { role: 'AI', content: '', metadata: { system: { tokens: 0 }, list: [1, null] } },
      ],
      summary: { content: `A summary of ${i}.` },
    });
    await post(memory, { messages: [{ role: 'Human', content: 'behind the summary' }] });
  }
  await post('/api/v2/sessions/named/memory', {
    messages: [
      { role: 'Ada', role_type: 'user', content: 'with a name' },
      { role_type: 'assistant', content: 'without' },
      { role: 'narrator', content: 'without a type' },
    ],
  });
  await post('/api/v1/sessions/long/memory', {
    messages: numbers.map((i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: `message ${i}`,
    })),
  });
}

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(`import zep into ${store.name}${skipped}`, () => {
    for (const api of ['v1', 'v2'] as const) {
      describe(`through the API ${api}, beside a server`, () => {
        let database: E2eDatabase;
        let env: Record<string, string>;
        let target: { url: string };
        beforeAll(async () => {
          database = store.open();
          env = { SESSIONS_DB: join(servers.directory, `${api}.db`), ...database.env };
          target = await servers.spawnHttp({ env });
        });
        afterAll(() => database.drop());

        const run = () => runImport(servers, ['--url', source.url, '--api', api], env);

        it('brings every record, with its identifier, times, metadata and order', async () => {
          expect(await run()).toMatchObject({
            code: 0,
            stdout: expect.stringContaining(
              `Imported ${MANY} users, ${EMPTY_SESSIONS + ODD_IDENTIFIERS.length + 2} sessions, ${MANY + 3 + 3 * ODD_IDENTIFIERS.length} messages, ${ODD_IDENTIFIERS.length} summaries. Already here: 0 users, 0 sessions, 0 messages, 0 summaries. Left out: 0.`,
            ),
          });
          const found = await readRecords(target.url);
          expect(found.users).toStrictEqual(expected.users);
          // The roles of the first API are those of the records; the second tells type and name.
          const comparable = ({ sessions }: Records) =>
            api === 'v1' ? sessions : sessions.map(withoutForeignRoles);
          expect(comparable(found)).toStrictEqual(comparable(expected));
        });

        it('changes nothing when it is done again', async () => {
          const before = await readChanges(target.url);
          const { code, stdout } = await run();
          expect(code).toBe(0);
          expect(stdout).toContain('Imported 0 users, 0 sessions, 0 messages, 0 summaries.');
          expect(stdout).toContain(`Already here: ${MANY} users,`);
          expect(await readChanges(target.url)).toStrictEqual(before);
        });

        if (api === 'v1') return;
        it('keeps the names of speakers', async () => {
          const speakers = async (url: string) => {
            const answer = await send(url, 'GET', '/api/v2/sessions/named/messages');
            const { messages } = JSON.parse(answer) as { messages: Record<string, unknown>[] };
            return messages.map(({ role, role_type }) => ({ role, role_type }));
          };
          const found = await speakers(target.url);
          expect(found).toStrictEqual(await speakers(source.url));
          expect(found[0]).toStrictEqual({ role: 'Ada', role_type: 'user' });
        });
      });
    }
  });
}

/** `Human` of the first API is the type `user` and the name `Human` in the second. */
function withoutForeignRoles(session: Records['sessions'][number]): Records['sessions'][number] {
  const roles: Record<string, string> = { Human: 'user', AI: 'assistant' };
  const messages = session.messages.map((message) => {
    const role = String(message.role);
    return { ...message, role: roles[role] ?? role };
  });
  return { ...session, messages };
}
