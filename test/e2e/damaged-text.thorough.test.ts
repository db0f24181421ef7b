import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/store/sqlite/connection/engine.ts';
import { call } from '../support/call.ts';
import type { McpClient } from '../support/clients.ts';
import { Servers } from '../support/server-process.ts';
import { SmallFile } from '../support/small-file.ts';

/** As an SQL text: `tea` behind a byte that never occurs in UTF-8. */
const DAMAGED = "CAST(x'ff746561' AS TEXT)";
const SHOWN = '\uFFFDtea';
const DAMAGED_JSON = `'{"note":"' || ${DAMAGED} || '"}'`;

let servers: Servers;
let prepared: SmallFile;
beforeAll(async () => {
  servers = await Servers.open();
  prepared = await SmallFile.write(servers);
});
afterAll(() => servers?.close());

describe('with a stored text that is no UTF-8 any more, a server', () => {
  const THIRD = "session_id = 'hurt') AND seq = 39";
  const OF_HURT = 'session = (SELECT id FROM sessions WHERE';

  it.each([
    ['content of a message', `UPDATE messages SET content = ${DAMAGED} WHERE ${OF_HURT} ${THIRD}`],
    ['role of a message', `UPDATE messages SET role = ${DAMAGED} WHERE ${OF_HURT} ${THIRD}`],
    [
      'metadata of a message',
      `UPDATE messages SET metadata = ${DAMAGED_JSON} WHERE ${OF_HURT} ${THIRD}`,
    ],
    ['uuid of a message', `UPDATE messages SET uuid = ${DAMAGED} WHERE ${OF_HURT} ${THIRD}`],
    ['summary', `UPDATE summaries SET content = ${DAMAGED}`],
    ['uuid of a session', `UPDATE sessions SET uuid = ${DAMAGED} WHERE session_id = 'hurt'`],
    [
      'metadata of a session',
      `UPDATE sessions SET metadata = ${DAMAGED_JSON} WHERE session_id = 'hurt'`,
    ],
    ['user of a session', `UPDATE sessions SET user_id = ${DAMAGED} WHERE session_id = 'hurt'`],
  ])('shows what is left of it: %s', async (what, sql) => {
    const client = await damage(what, sql);
    const hurt = { session_id: 'hurt' };
    const answers = [
      await call(client, 'get_memory', hurt),
      await call(client, 'get_session', hurt),
    ];
    expect(JSON.stringify(answers)).toContain(SHOWN);
    await expectSound(client);
    expect(client.stderr()).toContain('replacement characters');
  });

  it.each([
    ['identifier of a session', `UPDATE sessions SET session_id = ${DAMAGED} WHERE id = 1`],
    ['identifier of a user', `UPDATE users SET user_id = ${DAMAGED}`],
    ['mail address of a user', `UPDATE users SET email = ${DAMAGED}`],
    ['first name of a user', `UPDATE users SET first_name = ${DAMAGED}`],
    ['last name of a user', `UPDATE users SET last_name = ${DAMAGED}`],
    ['metadata of a user', `UPDATE users SET metadata = ${DAMAGED_JSON}`],
  ])('shows what is left of it in a list: %s', async (what, sql) => {
    const client = await damage(what, sql);
    const lists = [await call(client, 'list_sessions', {}), await call(client, 'list_users', {})];
    expect(JSON.stringify(lists)).toContain(SHOWN);
    await expectSound(client);
  });

  it.each([
    ['terms', `UPDATE messages SET terms = 'words ' || ${DAMAGED} WHERE seq = 39`],
    [
      'terms that wait to be indexed',
      `UPDATE messages SET terms = 'words ' || ${DAMAGED} WHERE seq = 39;
       INSERT INTO unindexed SELECT id FROM messages WHERE seq > 35`,
    ],
    [
      'content that waits to be indexed',
      `UPDATE messages SET content = ${DAMAGED} WHERE seq = 39;
       INSERT INTO unindexed SELECT id FROM messages WHERE seq > 35`,
    ],
  ])('goes on searching: %s', async (what, sql) => {
    const client = await damage(what, sql);
    const { hits } = await call(client, 'search_memory', { query: 'words', limit: 100 });
    expect(hits.length).toBeGreaterThan(70);
    await expectSound(client);
  });

  it.each([
    ['message', `UPDATE messages SET metadata = '{"note"' WHERE seq = 39`, 'list_messages'],
    ['session', `UPDATE sessions SET metadata = '{"note"' WHERE id = 1`, 'list_sessions'],
    ['user', `UPDATE users SET metadata = '{"note"'`, 'list_users'],
  ])('shows a %s without metadata that is no JSON any more', async (what, sql, tool) => {
    const client = await damage(`JSON of a ${what}`, sql);
    const args = tool === 'list_messages' ? { session_id: 'hurt' } : {};
    const list = await call(client, tool, args);
    expect(JSON.stringify(list)).toContain('"metadata_omitted_bytes":7');
    const update: Record<string, [string, object]> = {
      message: ['update_message_metadata', { session_id: 'hurt', uuid: list.messages?.[38]?.uuid }],
      session: ['update_session_metadata', { session_id: 'hurt' }],
      user: ['update_user', { user_id: 'ann' }],
    };
    const [name, named] = update[what] as [string, object];
    const merged = await client.callTool(name, { ...named, metadata: { more: 1 } });
    expect(merged.text).toMatch(/^INTERNAL: The metadata of this record is damaged/);
    await expectSound(client);
  });

  async function damage(what: string, sql: string): Promise<McpClient> {
    const file = await prepared.copy(what);
    const database = await Database.open(file);
    database.exec(sql);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
    return servers.connectStdio('v2', { env: { SESSIONS_DB: file } });
  }

  /** The other session is as it was, and takes more. */
  async function expectSound(client: McpClient): Promise<void> {
    const session_id = 'sound';
    await call(client, 'add_memory', { session_id, messages: [{ role: 'user', content: 'on' }] });
    const { session, messages } = await call(client, 'get_memory', { session_id });
    expect(session.message_count).toBe(41);
    expect(messages.at(-1).content).toBe('on');
    const { hits } = await call(client, 'search_memory', { session_id, query: 'number7' });
    expect(hits[0].message.content).toContain('sound number7 ');
    await client.close();
  }
});
