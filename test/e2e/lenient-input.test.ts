import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../support/call.ts';
import type { McpClient } from '../support/clients.ts';
import { EVERY_TOOLSET } from '../support/offered.ts';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

const toJson = (value: unknown) => JSON.stringify(value);
const hello = { role: 'user', content: 'hello' };

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(
    `arguments as hosts and models send them, in ${store.name}${skipped}`,
    () => {
      let servers: Servers;
      let database: E2eDatabase;
      let client: McpClient;
      let sessions = 0;

      beforeAll(async () => {
        servers = await Servers.open();
        database = store.open();
        client = await servers.connectStdio('v2', { args: EVERY_TOOLSET, env: database.env });
        await client.listTools();
        for (const n of [1, 2, 3]) await call(client, 'add_session', { session_id: `listed ${n}` });
      });
      afterAll(async () => {
        await servers?.close();
        await database?.drop();
      });

      const newSession = () => `session ${++sessions}`;

      /** Adds messages to a new session and reads them back. */
      async function stored(messages: unknown) {
        const session_id = newSession();
        await call(client, 'add_memory', { session_id, messages });
        return (await call(client, 'get_memory', { session_id })).messages;
      }

      it.each([
        ['null', { user_id: null, limit: null, cursor: null, order: null, include_total: null }],
        ['an empty text', { user_id: '', cursor: '', limit: '', order: '' }],
      ])('takes %s for an optional argument as its absence', async (_, args) => {
        const list = await call(client, 'list_sessions', args);
        expect(list).toEqual(await call(client, 'list_sessions', {}));
      });

      it.each([null, ''])(
        'takes %j for an optional argument of a search as its absence',
        async (empty) => {
          const session_id = newSession();
          const messages = [{ role: 'user', content: 'to Lisbon', uuid: empty, metadata: empty }];
          await call(client, 'add_memory', { session_id, messages });
          const query = { query: 'Lisbon', session_id };
          const others = { roles: null, since: empty, until: empty, user_id: empty, cursor: empty };
          const [plain, lenient] = [query, { ...query, ...others, metadata: empty, limit: empty }];
          const found = await call(client, 'search_memory', lenient);
          expect(found.hits).toHaveLength(1);
          expect(found).toEqual(await call(client, 'search_memory', plain));
        },
      );

      it('keeps null where it removes, and in metadata', async () => {
        const session_id = newSession();
        await call(client, 'add_session', { session_id, metadata: { a: 1, b: [null] } });
        const args = { session_id, metadata: { a: null } };
        const { session } = await call(client, 'update_session_metadata', args);
        expect(session.metadata).toEqual({ b: [null] });
        const user = { user_id: session_id, email: 'a@b', first_name: 'Ada' };
        await call(client, 'add_user', user);
        const changed = await call(client, 'update_user', { user_id: session_id, email: null });
        expect(changed.user).not.toHaveProperty('email');
        expect(changed.user.first_name).toBe('Ada');
      });

      it.each([
        ['"2"', { limit: '2' }, 2],
        ['" 2 "', { limit: ' 2 ' }, 2],
        ['"2.0"', { page_size: '2.0', page_number: '1' }, 2],
      ])('reads the number %s from text', async (_, args, length) => {
        const { sessions } = await call(client, 'list_sessions', args);
        expect(sessions).toHaveLength(length);
      });

      it.each(['two', '2x', '1e', '--2', '2,5'])(
        'does not guess what number %j is',
        async (limit) => {
          const answer = await client.callTool('list_sessions', { limit });
          expect(answer).toMatchObject({ isError: true, text: expect.stringContaining('limit') });
        },
      );

      it.each(['true', 'True', ' TRUE '])(
        'reads the boolean %j from text',
        async (include_total) => {
          const { total_count } = await call(client, 'list_sessions', { include_total });
          expect(total_count).toBeGreaterThanOrEqual(3);
        },
      );

      it.each(['DESC', 'Desc', ' desc '])(
        'reads the value %j of an enumeration in any case',
        async (order) => {
          const list = await call(client, 'list_sessions', {
            order,
            order_by: 'CREATED_AT',
            limit: 2,
          });
          const same = { order: 'desc', order_by: 'created_at', limit: 2 };
          expect(list).toEqual(await call(client, 'list_sessions', same));
        },
      );

      it.each([
        ['JSON text', toJson([hello])],
        ['JSON text of one object', toJson(hello)],
        ['one object', hello],
        ['a list of JSON texts', [toJson(hello)]],
      ])('takes %s for a list of messages', async (_, messages) => {
        expect(await stored(messages)).toMatchObject([hello]);
      });

      it('takes one uuid for a list of uuids, in any case of letters', async () => {
        const session_id = newSession();
        const added = await call(client, 'add_memory', { session_id, messages: [hello] });
        const uuids = added.messages[0].uuid.toUpperCase();
        const deleted = await call(client, 'delete_messages', { session_id, uuids });
        expect(deleted.deleted_message_count).toBe(1);
        await call(client, 'restore_messages', { session_id, uuids: toJson([uuids]) });
      });

      it('takes JSON text for metadata, and one role for a list of roles', async () => {
        const session_id = newSession();
        const metadata = toJson({ topic: 'travel' });
        const { session } = await call(client, 'add_session', { session_id, metadata });
        expect(session.metadata).toEqual({ topic: 'travel' });
        await call(client, 'add_memory', { session_id, messages: [hello] });
        for (const roles of ['user', 'User', '["user"]', ['USER']]) {
          const found = await call(client, 'search_memory', { query: 'hello', session_id, roles });
          expect(found.hits).toHaveLength(1);
        }
      });

      const likes = { subject: 'Ada', predicate: 'LIKES', object: 'tea', fact: 'Ada likes tea.' };

      it.each([
        ['JSON text', toJson([likes])],
        ['one object', likes],
        ['absent times', { ...likes, valid_at: null, invalid_at: '', supersedes: null }],
      ])('takes %s for a list of facts', async (_, facts) => {
        const user_id = newSession();
        await call(client, 'add_user', { user_id });
        const source = null;
        const added = await call(client, 'add_facts', { user_id, facts, source });
        const [{ uuid }] = added.facts;
        const found = await call(client, 'search_facts', { user_id, as_of: '', entity: null });
        expect(found.facts).toEqual([{ uuid, ...likes }]);
        const ended = { user_id, uuid, valid_at: null, invalid_at: 'soon' };
        expect((await client.callTool('update_fact', ended)).isError).toBe(true);
        await call(client, 'update_fact', { ...ended, invalid_at: '2020' });
        expect((await call(client, 'search_facts', { user_id })).facts).toEqual([]);
        await call(client, 'update_fact', { user_id, uuid, fact: '', invalid_at: null });
        expect((await call(client, 'search_facts', { user_id })).facts).toHaveLength(1);
        const uuids = uuid.toUpperCase();
        const deleted = await call(client, 'delete_facts', { user_id, uuids });
        expect(deleted.deleted_count).toBe(1);
      });

      it.each([
        ['list_sessions', 'limit', 1000],
        ['search_facts', 'limit', 1000],
        ['get_entity', 'limit', 1000],
        ['list_users', 'page_size', 1000],
        ['search_memory', 'limit', 100],
        ['search_memory', 'neighbours', 5],
        ['get_memory', 'last_n', 200],
      ])(
        '%s with a %s above the maximum uses the maximum, and says so',
        async (tool, name, maximum) => {
          const session_id = newSession();
          await call(client, 'add_memory', { session_id, messages: hello });
          const user_id = session_id;
          await call(client, 'add_user', { user_id });
          await call(client, 'add_facts', { user_id, facts: likes });
          const needed = {
            search_facts: { user_id },
            get_entity: { user_id, name: 'tea' },
            get_memory: { session_id },
            search_memory: { query: 'hello', session_id },
          };
          const args = needed[tool as keyof typeof needed] ?? {};
          const { advice } = await call(client, tool, { ...args, [name]: 5000 });
          expect(advice).toContain(`${name} was 5000, and at most ${maximum} is allowed`);
          await call(client, tool, { ...args, [name]: maximum });
        },
      );

      describe('times', () => {
        const at = '2024-05-07T10:30:00.000Z';
        let session_id: string;
        beforeAll(async () => {
          session_id = newSession();
          const messages = [{ role: 'user', content: 'kettle', created_at: at }];
          await call(client, 'add_memory', { session_id, messages });
        });
        const hits = async (range: object) => {
          const args = { session_id, query: 'kettle', ...range };
          return (await call(client, 'search_memory', args)).hits.length;
        };

        it.each([
          '2024-05-07T10:30:00Z',
          '2024-05-07T10:30:00',
          '2024-05-07 10:30',
          '2024-05-07T10:30Z',
          '2024-05-07t10:30:00z',
          '2024-05-07T12:30:00+02:00',
          '2024-05-07 12:30 +0200',
          '2024-05-07',
          '2024-05',
        ])('%s is a time of its own in UTC, or its day or month', async (time) => {
          expect(await hits({ since: time })).toBe(1);
          expect(await hits({ until: time })).toBe(1);
        });

        it.each(['2024-05-08', '2024-05-07T10:31', '2024-05-07 10:30:00.001'])(
          'since %s is after it',
          async (since) => {
            expect(await hits({ since })).toBe(0);
            expect(await hits({ until: '2024-05-06' })).toBe(0);
          },
        );

        it.each([
          'yesterday',
          '2024-13-01',
          '2024-13',
          '2024-02-30',
          '07.05.2024',
          '2024-05-07T25:00',
          '1715077800',
        ])('refuses %j, which is no time', async (since) => {
          const args = { session_id, query: 'kettle', since };
          const answer = await client.callTool('search_memory', args);
          expect(answer).toMatchObject({ isError: true, text: expect.stringContaining('since') });
        });
      });

      describe('messages as the interfaces of models have them', () => {
        it('joins texts of parts, and finds them', async () => {
          const content = [
            { type: 'text', text: 'first parsnip' },
            { type: 'text', text: 'second turnip' },
          ];
          const messages = await stored([{ role: 'user', content }]);
          expect(messages).toMatchObject([{ content: 'first parsnip\nsecond turnip' }]);
          expect(messages[0]).not.toHaveProperty('parts');
          for (const query of ['parsnip', 'turnip']) {
            const { hits } = await call(client, 'search_memory', { query });
            expect(hits[0].message.uuid).toBe(messages[0].uuid);
          }
        });

        it('keeps the calls of tools, and their results', async () => {
          const tool_calls = [
            {
              id: 'call_1',
              type: 'function',
              function: { name: 'weather', arguments: '{"city":"Bern"}' },
            },
          ];
          const messages = await stored([
            { role: 'assistant', content: null, tool_calls },
            { role: 'tool', tool_call_id: 'call_1', name: 'weather', content: '7 degrees' },
          ]);
          expect(messages).toMatchObject([
            { role: 'assistant', content: '', parts: [{ tool_calls }] },
            {
              role: 'tool',
              content: '7 degrees',
              parts: [{ name: 'weather' }, { tool_call_id: 'call_1' }],
            },
          ]);
        });

        it.each([
          [
            'an image',
            {
              content: [
                { type: 'text', text: 'look' },
                { type: 'image_url', image_url: { url: 'x' } },
              ],
            },
            { content: 'look', parts: [{ type: 'image_url', image_url: { url: 'x' } }] },
          ],
          [
            'the use of a tool',
            { content: [{ type: 'tool_use', id: 't', name: 'n', input: { a: [1] } }] },
            { content: '', parts: [{ type: 'tool_use', id: 't', name: 'n', input: { a: [1] } }] },
          ],
          [
            'parts without content',
            { parts: [{ text: 'hi' }, { functionCall: { name: 'f' } }] },
            { content: 'hi', parts: [{ functionCall: { name: 'f' } }] },
          ],
          [
            'texts with a cache mark',
            { content: [{ type: 'input_text', text: 'hi', cache_control: { type: 'x' } }] },
            { content: 'hi', parts: [{ type: 'input_text', cache_control: { type: 'x' } }] },
          ],
          ['plain texts in a list', { content: ['a', 'b'] }, { content: 'a\nb' }],
          ['an empty list', { content: [] }, { content: '' }],
          [
            'a part that is text of JSON',
            { content: 'x', parts: ['{"a": 1}'] },
            { content: 'x', parts: ['{"a": 1}'] },
          ],
          [
            'a refusal',
            { content: null, refusal: 'No.' },
            { content: '', parts: [{ refusal: 'No.' }] },
          ],
        ])('reads back %s', async (_, sent, kept) => {
          expect(await stored([{ role: 'assistant', ...sent }])).toMatchObject([kept]);
        });

        it.each([
          ['no content', { role: 'user' }, 'content'],
          ['content null alone', { role: 'user', content: null }, 'content'],
          ['a number', { role: 'user', content: 7 }, 'content'],
          ['an unknown field', { role: 'user', content: 'x', metadat: {} }, 'metadat'],
          ['parts that are no list', { role: 'user', content: 'x', parts: 7 }, 'parts'],
        ])('refuses %s', async (_, message, says) => {
          const args = { session_id: newSession(), messages: [message] };
          const answer = await client.callTool('add_memory', args);
          expect(answer).toMatchObject({ isError: true, text: expect.stringContaining(says) });
        });

        it('shows a line of a long part, and all of it as the resource of the message', async () => {
          const session_id = newSession();
          const image = { type: 'image', source: { data: 'A'.repeat(500_000) } };
          const messages = [{ role: 'user', content: [{ type: 'text', text: 'look' }, image] }];
          await call(client, 'add_memory', { session_id, messages });
          const [message] = (await call(client, 'list_messages', { session_id })).messages;
          expect(message.parts).toEqual([
            expect.stringMatching(/^\{"type":"image".{0,200}bytes\)$/),
          ]);
          const uri = `session://${encodeURIComponent(session_id)}/messages/${message.uuid}`;
          const whole = JSON.parse(await client.readResource(uri));
          expect(whole.message.parts).toEqual([image]);
        });

        it('replaces the parts of a message that comes again', async () => {
          const session_id = newSession();
          const uuid = '0a1fd24a-303c-761f-bb3f-55f56f02c15b';
          const send = (message: object) =>
            call(client, 'add_memory', {
              session_id,
              messages: [{ role: 'user', uuid, ...message }],
            });
          await send({ content: 'a', name: 'x'.repeat(1000) });
          await send({ content: 'b', name: 'y' });
          const read = async () => (await call(client, 'get_memory', { session_id })).messages;
          expect(await read()).toMatchObject([{ content: 'b', parts: [{ name: 'y' }] }]);
          await send({ content: 'c', metadata: { a: 1 } });
          const [last] = await read();
          expect(last).toMatchObject({ content: 'c', metadata: { a: 1 } });
          expect(last).not.toHaveProperty('parts');
        });
      });

      describe('roles', () => {
        it.each([
          ['Human', 'user'],
          ['USER', 'user'],
          [' user ', 'user'],
          ['AI', 'assistant'],
          ['model', 'assistant'],
          ['Bot', 'assistant'],
          ['Élise', 'élise'],
        ])('%j is found as %j, and read back as it was sent', async (role, asked) => {
          const session_id = newSession();
          const messages = [{ role, content: 'the ferry leaves at noon' }];
          await call(client, 'add_memory', { session_id, messages });
          const args = { session_id, query: 'ferry', roles: [asked] };
          const { hits } = await call(client, 'search_memory', args);
          expect(hits).toMatchObject([{ message: { role: role.trim() } }]);
        });
      });

      describe('identifiers', () => {
        it.each([
          ['a newline at its end', 'fc7\n', '"fc7\\n"'],
          ['a space at its start', ' fc7', '" fc7"'],
          ['a no-break space at its end', 'fc7\u00a0', '"fc7\\u00a0"'],
          ['a zero-width space', 'fc8\u200b', '"fc8\\u200b"'],
          ['a byte order mark', '\ufefffc8', '\\ufeff'],
          ['a joiner between letters', 'a\u200db', '\\u200d'],
          ['a control character', 'a\u0007b', '\\u0007'],
          ['a tab', 'a\tb', '"a\\tb"'],
          ['a direction mark', 'a\u202eb', '\\u202e'],
          ['a line separator', 'a\u2028b', '\\u2028'],
        ])('refuses %s, with the identifier shown', async (_, identifier, shown) => {
          for (const [tool, args] of [
            ['add_memory', { session_id: identifier, messages: [hello] }],
            ['add_session', { session_id: identifier }],
            ['get_memory', { session_id: identifier }],
            ['list_sessions', { user_id: identifier }],
            ['add_user', { user_id: identifier }],
            ['delete_session', { session_id: identifier }],
          ] as const) {
            const { isError, text } = await client.callTool(tool, args);
            expect(isError).toBe(true);
            expect(text).toMatch(/^INVALID_ARGUMENT/);
            expect(text).toContain(shown);
          }
          const { sessions } = await call(client, 'list_sessions', { limit: 1000 });
          const ids = sessions.map((session: { session_id: string }) => session.session_id);
          expect(ids).not.toContain(identifier);
        });

        it.each(['a b', 'ünï/🦊?', '👩‍👧', '❤️', 'نامه‌ها', '..', 'a:b#c%20', 'क्‍ष'])(
          'takes %j',
          async (session_id) => {
            await call(client, 'add_session', { session_id });
            const { session } = await call(client, 'get_session', { session_id });
            expect(session.session_id).toBe(session_id);
          },
        );
      });

      it.each(['jörg@müller.example', 'ada@localhost', '"a b"@c', 'ADA@Example.ORG'])(
        'stores the address %j as given',
        async (email) => {
          const { user } = await call(client, 'add_user', { user_id: `user ${email}`, email });
          expect(user.email).toBe(email);
        },
      );

      it.each(['ada', '@b', 'a@', '@'])('refuses the address %j', async (email) => {
        const answer = await client.callTool('add_user', { user_id: 'refused', email });
        expect(answer).toMatchObject({ isError: true, text: expect.stringContaining('e-mail') });
      });
    },
  );
}
