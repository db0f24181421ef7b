import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Report } from '../../src/app/import/report.ts';
import { type ImportRun, inFile, runImport } from '../support/import-zep.ts';
import {
  type OldRecords,
  type OldZep,
  oldMessage,
  oldSession,
  startOldZep,
} from '../support/old-zep.ts';
import { Servers } from '../support/server-process.ts';
import type { Services } from '../support/stores.ts';

const caller = { namespace: 'default' };

let servers: Servers;
let old: OldZep | undefined;
let number = 0;
let file: string;
beforeAll(async () => {
  servers = await Servers.open();
});
afterAll(() => servers.close());
beforeEach(() => {
  file = join(servers.directory, `target-${number++}.db`);
});
afterEach(() => old?.close());

/** Imports from a server with these records. */
async function importFrom(records: OldRecords): Promise<ImportRun> {
  await old?.close();
  old = await startOldZep(records);
  return runImport(servers, ['--url', old.url, '--api', 'v1'], { SESSIONS_DB: file });
}

const inTarget = <T>(work: (services: Services) => Promise<T>) => inFile(file, work);

const messagesOf = async (session_id: string) =>
  (await inTarget(({ memory }) => memory.list(caller, session_id, { order: 'asc', limit: 100 })))
    .messages;

const contentsOf = async (session_id: string) =>
  (await messagesOf(session_id)).map(({ content }) => content);

/** Metadata that is nested deeper than the store takes. */
function deep(): object {
  let value = {};
  for (let i = 0; i < 70; i++) value = { value };
  return value;
}

const TOO_LARGE = 'x'.repeat(1024 * 1024 + 1);

describe('records that this store does not take', () => {
  it('are left out one by one, with the reason, and the others arrive', async () => {
    const { code, stdout, stderr } = await importFrom({
      users: [
        { user_id: 'u'.repeat(1025), id: 1 },
        { user_id: 'ada', id: 2, email: 'nobody', first_name: '', metadata: deep() },
        { user_id: 'bob', id: 3, email: 'bob@example.org', last_name: 'B', metadata: { k: 1 } },
      ],
      sessions: [
        oldSession(1, 'x'.repeat(1025)),
        oldSession(2, 'in\u200bvisible'),
        oldSession(3, ' space'),
        oldSession(4, 'good', { user_id: 'ada', metadata: { a: { '\u0000': 1 } } }),
        oldSession(5, 'lost', { user_id: 'u'.repeat(1025) }),
        oldSession(6, 'stranger', { user_id: 'nobody' }),
      ],
      messages: {
        good: [
          oldMessage(0, { role: 'r'.repeat(65) }),
          oldMessage(1),
          oldMessage(2, { content: TOO_LARGE }),
          oldMessage(3, { metadata: deep() }),
          oldMessage(4, { metadata: { deep: { 'k\u0000': 1 } } }),
          oldMessage(5, { content: 'NUL \u0000' }),
          oldMessage(6, { uuid: 'not one' }),
          oldMessage(7, { created_at: '2999-01-01T00:00:00Z' }),
          oldMessage(8, { role: '' }),
          oldMessage(9, { created_at: '0001-01-01T00:00:00Z', metadata: { k: [null] } }),
          oldMessage(10),
        ],
      },
    });
    expect(code).toBe(1);
    expect(stderr).toContain('Something was left out');
    for (const line of [
      /user "u+…": user_id is 1025 bytes/,
      /user "ada", imported without a field: email must be an e-mail address/,
      /user "ada", imported without a field: metadata nests deeper than 64 levels/,
      /session "x+…": session_id is 1025 bytes/,
      /session "in\\u200bvisible": session_id .* cannot be seen \(U\+200B\)/,
      /session " space": session_id .* white space/,
      /session "good", imported without a field: metadata has a key with a NUL character/,
      /session "lost": user_id is 1025 bytes/,
      /session "stranger": its user "nobody" is not on the old server/,
      /message "[-\d]+0" of session "good": role is 65 bytes/,
      /message "[-\d]+2" of session "good": content is 1048577 bytes/,
      /message "[-\d]+3" of session "good": metadata nests deeper/,
      /message "[-\d]+4" of session "good": metadata has a key with a NUL/,
      /message "[-\d]+5" of session "good": content holds a NUL/,
      /message "not one" of session "good": uuid must be a UUID/,
      /message "[-\d]+7" of session "good": created_at 2999-01-01T00:00:00.000Z is in the future/,
      /message "[-\d]+8" of session "good": role is missing/,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout).toContain(
      'Imported 2 users, 1 sessions, 3 messages, 0 summaries. Already here: 0 users, 0 sessions, 0 messages, 0 summaries. Left out: 17.',
    );
    expect((await messagesOf('good')).map(({ uuid }) => Number(uuid.slice(-4)))).toEqual([
      1, 9, 10,
    ]);
    await inTarget(async ({ users, sessions }) => {
      expect(await users.get(caller, 'ada')).toMatchObject({ metadata: {} });
      expect(await users.get(caller, 'bob')).toMatchObject({
        ...{ email: 'bob@example.org', last_name: 'B', metadata: { k: 1 } },
      });
      expect(await sessions.get(caller, 'good')).toMatchObject({ user_id: 'ada', metadata: {} });
    });
  });

  it('may be many: the report names a hundred, and counts all', () => {
    const report = new Report();
    for (let i = 0; i < 250; i++) report.leftOut(`message ${i}`, 'is too long', 2);
    const lines = report.text().split('\n');
    expect(lines.filter((line) => line.includes('is too long'))).toHaveLength(100);
    expect(lines).toContain('  … and 300 more, which are not listed');
    expect(lines.at(-2)).toMatch(/Left out: 500\.$/);
  });
});

describe('a summary', () => {
  const sessions = [oldSession(1, 's')];
  const messages = { s: [0, 1, 2, 3].map((i) => oldMessage(i, i === 1 ? { role: '' } : {})) };
  const summaryUpTo = (recent: number, fields = {}) => ({
    s: {
      ...{ uuid: oldMessage(99).uuid, created_at: '2023-05-05T05:05:05Z', content: 'In short.' },
      ...{ recent_message_uuid: oldMessage(recent).uuid, token_count: 2, ...fields },
    },
  });
  const stored = async () => (await inTarget(({ memory }) => memory.get(caller, 's'))).summary;

  it('is kept with its time and the message that it reaches to', async () => {
    await importFrom({ sessions, messages, summaries: summaryUpTo(2) });
    expect(await stored()).toEqual({
      ...{ content: 'In short.', up_to_seq: 2, created_at: '2023-05-05T05:05:05.000Z' },
    });
  });

  it('of a message that could not be kept reaches to the one before', async () => {
    await importFrom({ sessions, messages, summaries: summaryUpTo(1) });
    expect(await stored()).toMatchObject({ content: 'In short.', up_to_seq: 1 });
  });

  it.each([
    ['of an unknown message', summaryUpTo(50), /message that it reaches to is not among/],
    ['that is too long', summaryUpTo(2, { content: 'x'.repeat(20_000) }), /content is 20000 bytes/],
  ])('%s is left out, and the messages arrive', async (_, summaries, why) => {
    const { code, stdout } = await importFrom({ sessions, messages, summaries });
    expect(code).toBe(1);
    expect(stdout).toMatch(why);
    expect(await stored()).toBeUndefined();
    expect(await messagesOf('s')).toHaveLength(3);
  });

  it('that was written here stays', async () => {
    await importFrom({ sessions, messages, summaries: summaryUpTo(0) });
    const own = { content: 'Written here.', up_to_seq: 2 };
    await inTarget(({ memory }) => memory.summarize(caller, 's', own));
    const { stdout } = await importFrom({ sessions, messages, summaries: summaryUpTo(2) });
    expect(stdout).toContain('summary of session "s": the session has another one here');
    expect(await stored()).toMatchObject(own);
  });
});

describe('what is in the store already', () => {
  const users = [{ user_id: 'ada', id: 1, first_name: 'Old' }];
  const sessions = [oldSession(1, 's', { user_id: 'ada', metadata: { from: 'old' } })];
  const messages = { s: [0, 1, 2].map((i) => oldMessage(i)) };

  it('stays as it is; what is missing is appended, and the report says so', async () => {
    await importFrom({ users, sessions, messages: { s: messages.s.slice(0, 1) } });
    await inTarget(async ({ memory, users, sessions }) => {
      await memory.add(caller, 's', [{ role: 'user', content: 'of this store' }]);
      await sessions.updateMetadata(caller, 's', { from: 'new' });
      await users.update(caller, 'ada', { first_name: 'New' });
    });
    const { code, stdout } = await importFrom({ users, sessions, messages });
    expect(code).toBe(0);
    expect(stdout).toContain(
      'session "s" had 1 messages of its own here: 2 of the old server\'s were appended behind them',
    );
    const all = ['message 0', 'of this store', 'message 1', 'message 2'];
    expect(await contentsOf('s')).toEqual(all);
    await inTarget(async ({ users, sessions }) => {
      expect(await sessions.get(caller, 's')).toMatchObject({ metadata: { from: 'new' } });
      expect(await users.get(caller, 'ada')).toMatchObject({ first_name: 'New' });
    });
    const again = await importFrom({ users, sessions, messages });
    expect(again).toMatchObject({ code: 0, stdout: expect.not.stringContaining('Notes') });
    expect(await contentsOf('s')).toEqual(all);
  });

  it('and was deleted here stays deleted', async () => {
    const more = [...sessions, oldSession(2, 'whole', { user_id: 'ada' })];
    const all = { ...messages, whole: [oldMessage(8)] };
    await importFrom({ users, sessions: more, messages: all });
    await inTarget(async ({ memory, sessions }) => {
      await sessions.delete(caller, 'whole');
      await memory.delete(caller, 's', [String(oldMessage(1).uuid)]);
    });
    const { code, stdout } = await importFrom({ users, sessions: more, messages: all });
    expect(code).toBe(1);
    expect(stdout).toMatch(/session "whole": was deleted here at \S+ Restore it/);
    expect(stdout).toMatch(/session "s": 1 of its messages were deleted here, and stay so/);
    expect(await contentsOf('s')).toEqual(['message 0', 'message 2']);

    await inTarget(({ users }) => users.delete(caller, 'ada'));
    const after = await importFrom({ users, sessions: [oldSession(3, 'new', { user_id: 'ada' })] });
    expect(after.code).toBe(1);
    expect(after.stdout).toMatch(/user "ada": was deleted here at \S+ Restore the user/);
    expect(after.stdout).toMatch(/session "new": its user "ada" was deleted here at/);
  });

  it('of another user is not mixed with', async () => {
    await importFrom({ users: [{ user_id: 'bob', id: 1 }] });
    await inTarget(({ sessions }) => sessions.add(caller, { session_id: 's', user_id: 'bob' }));
    const { code, stdout } = await importFrom({ users, sessions, messages });
    expect(code).toBe(1);
    expect(stdout).toContain(
      'session "s": belongs to user "bob" here, and to user "ada" on the old server',
    );
    expect(await messagesOf('s')).toEqual([]);
  });

  it('in other namespaces is not looked at', async () => {
    await importFrom({ sessions: [oldSession(1, 's')], messages });
    old = await startOldZep({ sessions: [oldSession(1, 's')], messages });
    const env = { SESSIONS_DB: file, SESSIONS_NAMESPACE: 'other' };
    const { stdout } = await runImport(servers, ['--url', old.url, '--api', 'v1'], env);
    expect(stdout).toContain('1 sessions, 3 messages, 0 summaries. Already here: 0 users,');
  });
});

describe('an import that is asked to stop', () => {
  it('ends, and says that it can go on', async () => {
    const sessions = [oldSession(1, 'first'), oldSession(2, 'second')];
    const messages = { first: [oldMessage(0)], second: [oldMessage(1)] };
    old = await startOldZep({ sessions, messages }, ({ path }) => path.includes('/second/'));
    const args = ['import', 'zep', '--url', old.url, '--api', 'v1'];
    const run = servers.spawn({ args, env: { SESSIONS_DB: file } });
    while (!old.seen.some(({ path }) => path.includes('/second/'))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await run.kill('SIGTERM')).toMatchObject({ code: 1 });
    expect(run.stderr()).toMatch(/stopped \(SIGTERM\)\. Nothing that was imported is lost/);
    expect(await importFrom({ sessions, messages })).toMatchObject({ code: 0 });
    expect(await contentsOf('second')).toEqual(['message 1']);
  });
});
