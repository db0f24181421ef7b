import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../../../src/store/port.ts';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { Servers } from '../../../support/server-process.ts';
import { harness } from '../../../support/stores.ts';

const caller = { namespace: 'default' };
const NOBODY = 65_534;

describe('an embedded file that is only read', () => {
  let folder: string;
  let path: string;
  let written: Store;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
    path = join(folder, 'sessions.db');
    written = await openSqliteStore(path);
    const at = harness(written);
    await at.users.add(caller, { user_id: 'ada' });
    await at.sessions.add(caller, { session_id: 's', user_id: 'ada' });
    await at.memory.add(caller, 's', [{ role: 'user', content: 'a fox' }]);
    await at.sessions.add(caller, { session_id: 'gone' });
    await at.sessions.delete(caller, 'gone');
  });

  afterEach(async () => {
    await written.close().catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  });

  /** Leaves the file as it is where no server runs: without its log. */
  async function leave(): Promise<void> {
    await written.close();
    for (const name of await readdir(folder)) {
      if (name !== 'sessions.db') await rm(join(folder, name));
    }
  }

  /** Every file of the folder, with what is in it and when it was changed. */
  async function everything() {
    const names = (await readdir(folder)).toSorted();
    return Promise.all(
      names.map(async (name) => {
        const { mtimeMs, mode } = await stat(join(folder, name));
        return { name, mtimeMs, mode, bytes: await readFile(join(folder, name), 'base64') };
      }),
    );
  }

  async function readAll(store: Store) {
    const at = harness(store);
    const { messages } = await at.memory.get(caller, 's');
    const list = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;
    const { records } = await at.sessions.list(caller, { ...list, include_total: true });
    const { hits } = await at.search.search(caller, { query: 'fox' });
    await store.ping();
    await store.countExpired('2200-01-01T00:00:00.000Z');
    return {
      messages: messages.map(({ content }) => content),
      sessions: records.map(({ session_id }) => session_id),
      hits: hits.map(({ message }) => message.content),
    };
  }

  const ALL = { messages: ['a fox'], sessions: ['s'], hits: ['a fox'] };

  it('is read whole, and nothing is written, not even beside it', async () => {
    await leave();
    const before = await everything();
    const store = await openSqliteStore(path, { readOnly: true });
    expect(await readAll(store)).toStrictEqual(ALL);
    await store.close();
    expect(await everything()).toStrictEqual(before);
  });

  it('takes no change, whatever asks for one', async () => {
    const store = await openSqliteStore(path, { readOnly: true });
    const at = harness(store);
    await expect(at.sessions.add(caller, { session_id: 'new' })).rejects.toMatchObject({
      name: 'DomainError',
    });
    await expect(store.purge('2200-01-01T00:00:00.000Z', 10)).rejects.toMatchObject({
      name: 'DomainError',
    });
    await store.close();
    const { sessions } = await written.countExpired('2200-01-01T00:00:00.000Z');
    expect(sessions).toBe(1);
  });

  it('shows what another process writes meanwhile, whichever of them began first', async () => {
    const early = await openSqliteStore(path, { readOnly: true });
    await harness(written).memory.add(caller, 's', [{ role: 'user', content: 'one more fox' }]);
    expect((await readAll(early)).hits).toHaveLength(2);
    await early.close();
    await leave();
    const late = await openSqliteStore(path, { readOnly: true });
    expect((await readAll(late)).hits).toHaveLength(2);
    written = await openSqliteStore(path);
    await harness(written).memory.add(caller, 's', [{ role: 'user', content: 'a third fox' }]);
    expect((await readAll(late)).hits).toHaveLength(3);
    await leave();
    expect((await readAll(late)).hits).toHaveLength(3);
    await late.close();
  });

  it('is refused while it has the schema of an older version, and says what to do', async () => {
    const database = await Database.open(path);
    database.exec('PRAGMA user_version = 3');
    database.close();
    await expect(openSqliteStore(path, { readOnly: true })).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringMatching(/older version.*once without --read-only/),
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    'serves a user who may read it, and nothing else',
    async () => {
      await leave();
      await chmod(path, 0o444);
      await chmod(folder, 0o555);
      const before = await everything();
      const servers = await Servers.open();
      const env = { SESSIONS_DB: path };
      const server = await servers.spawnHttp({ uid: NOBODY, args: ['--read-only'], env });
      const client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
      const memory = await client.callTool('get_memory', { session_id: 's' });
      expect(memory.isError, memory.text).toBe(false);
      const found = await client.callTool('search_memory', { query: 'fox' });
      expect(found.content.hits).toHaveLength(1);
      const { code } = await server.kill('SIGTERM');
      expect(code).toBe(0);
      expect(await everything()).toStrictEqual(before);
      await servers.close();
    },
  );

  it.skipIf(process.getuid?.() !== 0)(
    'is written again by a running server once it may be, though it could not be at first',
    async () => {
      await leave();
      await chmod(folder, 0o777);
      await chmod(path, 0o666);
      const servers = await Servers.open();
      const options = { uid: NOBODY, env: { SESSIONS_DB: path } };
      const server = await servers.spawnHttp(options);
      const client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
      await chmod(path, 0o444);
      const refused = await client.callTool('add_session', { session_id: 'new' });
      expect(refused.content.error?.code, refused.text).toBe('UNAVAILABLE');
      await chmod(path, 0o666);
      const added = await client.callTool('add_session', { session_id: 'new' });
      expect(added.isError, added.text).toBe(false);
      await servers.close();
    },
  );
});
