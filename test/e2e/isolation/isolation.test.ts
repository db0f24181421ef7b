import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROMPTS } from '../../../src/mcp/prompts/index.ts';
import { RESOURCES } from '../../../src/mcp/resources/index.ts';
import { TOOLS } from '../../../src/mcp/tools/index.ts';
import { call } from '../../support/call.ts';
import type { ClientKind, McpClient } from '../../support/clients.ts';
import type { TransportKind } from '../../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../../support/test-databases.ts';
import { CASES, type Target } from './cases.ts';
import {
  ADA,
  addRecords,
  BOB,
  HER_OTHER,
  inventory,
  SECRET,
  SharedServer,
  unknownTarget,
} from './fixture.ts';
import { outcome } from './outcome.ts';

const WAYS: [transport: TransportKind, kind: ClientKind][] = [
  ['Streamable HTTP', 'v1'],
  ['Streamable HTTP', 'v2'],
  ['HTTP+SSE', 'v1'],
];

/** The callers that try to reach the records of acme, most of which are ada's. */
const STRANGERS = ['beta', 'bob'] as const;

it('every tool has its cases here', () => {
  expect(Object.keys(CASES)).toEqual(TOOLS.map(({ name }) => name));
});

/** The URIs of all kinds by which a target could be read. */
function urisOf({ session_id, user_id, uuid, cursors }: Target): string[] {
  const plain = RESOURCES.map((kind) => kind.uri({ session_id, user_id, uuid }));
  const [messages, sessions] = ['session_messages', 'user_sessions'].map((name) =>
    RESOURCES.find((kind) => kind.name === name)?.uri({ session_id, user_id }),
  );
  return [...plain, `${messages}?from_seq=2`, `${sessions}?cursor=${cursors.ofUser}`];
}

/** All but the last character. */
const shortened = (text: string) => [...text].slice(0, -1).join('');

/** All completions that could reveal an identifier. */
function completionsOf({ session_id, user_id }: Target): [string, string, string][] {
  const prefixes: Record<string, string> = { session_id, user_id };
  const ofResources = RESOURCES.flatMap(({ uriTemplate, complete }) =>
    Object.keys(complete).map((name): [string, string] => [uriTemplate, name]),
  );
  const ofPrompts = PROMPTS.map(({ name, argument }): [string, string] => [name, argument.name]);
  return [...ofResources, ...ofPrompts].flatMap(([reference, name]) =>
    [prefixes[name] as string, shortened(prefixes[name] as string)].map(
      (prefix): [string, string, string] => [reference, name, prefix],
    ),
  );
}

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(`in ${store.name}${skipped}`, () => {
    describe.each(WAYS)('over %s with a %s client', (transport, kind) => {
      let database: E2eDatabase;
      let server: SharedServer;
      let acme: McpClient;
      let targets: Map<string, Target>;
      /** All answers to strangers. */
      const told: string[] = [];

      beforeAll(async () => {
        database = store.open();
        server = await SharedServer.open(transport, database);
        acme = await server.connect('acme', kind);
        targets = await addRecords(acme);
      });
      afterAll(async () => {
        await server?.close();
        await database?.drop();
      });

      const names = ({ session_id, user_id, uuid, fact, cursors }: Target, own: string) => [
        ...Object.values(cursors),
        fact.entity,
        ...[session_id, shortened(session_id), user_id, shortened(user_id), uuid, own],
      ];

      describe.each(STRANGERS)('%s', (stranger) => {
        let client: McpClient;
        beforeAll(async () => {
          client = await server.connect(stranger, kind);
          // Another user of the same identifier, with a fact that names the same things.
          if (stranger === 'beta') await call(client, 'add_user', { user_id: BOB });
          const facts = [{ subject: 'own', predicate: 'HAS', object: 'x', fact: 'own fact' }];
          await call(client, 'add_facts', { user_id: BOB, facts });
        });
        const hear = (text: string) => void told.push(text);

        /** The outcomes of all attempts with the identifiers of a target, in order. */
        async function tryAll(
          target: Target,
          attempts: (target: Target, own: string) => [string, () => Promise<unknown>][],
        ) {
          const own = `${encodeURIComponent(BOB)}/${randomUUID()}`;
          const found: [string, string][] = [];
          for (const [what, attempt] of attempts(target, own)) {
            found.push([what, await outcome(attempt(), names(target, own), hear)]);
          }
          return found;
        }

        const READS: Record<string, Parameters<typeof tryAll>[1]> = {
          resources: (target) =>
            urisOf(target).map((uri, i) => [`resource ${i}`, () => client.readResource(uri)]),
          'completion of identifiers': (target) =>
            completionsOf(target).map(([reference, name, prefix]) => [
              `${reference} ${name}`,
              () => client.complete(reference, name, prefix),
            ]),
          prompts: ({ session_id, user_id }) =>
            PROMPTS.map(({ name, argument }) => {
              const id = argument.name === 'user_id' ? user_id : session_id;
              return [name, () => client.getPrompt(name, { [argument.name]: id })];
            }),
          'the list of resources': ({ cursors }) => [
            ['sessions', () => client.listResources(cursors.sessions)],
            ['messages', () => client.listResources(cursors.messages)],
          ],
        };

        // Before the tools, by which beta will have sessions of the same identifiers.
        it.each(Object.keys(READS))('learns nothing by %s', async (what) => {
          const attempts = READS[what] as (typeof READS)[string];
          for (const [name, target] of targets) {
            const theirs = await tryAll(target, attempts);
            const nobodys = await tryAll(unknownTarget(target), attempts);
            expect(theirs, name).toEqual(nobodys);
          }
        });

        it('lists nothing but what is its own', async () => {
          const own = `${encodeURIComponent(BOB)}/own`;
          await call(client, 'add_memory', {
            session_id: own,
            messages: [{ role: 'user', content: 'own' }],
          });
          const { sessions, total_count } = await call(client, 'list_sessions', {
            include_total: true,
          });
          expect(sessions.map(({ session_id }: { session_id: string }) => session_id)).toEqual([
            own,
          ]);
          expect(total_count).toBe(1);
          const deleted = await call(client, 'list_sessions', {
            deleted: 'only',
            include_total: true,
          });
          expect(deleted).toEqual({ sessions: [], total_count: 0 });
          const { users } = await call(client, 'list_users', { include_total: true });
          const visible = users.map(({ user_id }: { user_id: string }) => user_id);
          expect(visible).toEqual([BOB]);
          const { facts } = await call(client, 'search_facts', {
            ...{ user_id: BOB, include_ended: true },
          });
          expect(facts.map(({ fact }: { fact: string }) => fact)).toEqual(['own fact']);
          const { facts: about } = await call(client, 'get_entity', { user_id: BOB, name: 'x' });
          expect(about).toEqual(facts);
          expect((await client.listResources()).resources).toHaveLength(1);
          for (const [reference, name] of completionsOf(
            unknownTarget([...targets.values()][0] as Target),
          )) {
            const { values } = await client.complete(reference, name, '');
            for (const value of values) expect([own, BOB]).toContain(value);
          }
        });

        it('learns and changes nothing by any tool, in any order', async () => {
          const before = await inventory(acme);
          const attempts: Parameters<typeof tryAll>[1] = (target, own) =>
            Object.entries(CASES).flatMap(([tool, cases]) =>
              cases(target, own).map((args): [string, () => Promise<unknown>] => [
                `${tool} ${JSON.stringify(Object.keys(args))}`,
                () => client.callTool(tool, args),
              ]),
            );
          for (const [name, target] of targets) {
            const theirs = await tryAll(target, attempts);
            const nobodys = await tryAll(unknownTarget(target), attempts);
            expect(theirs, name).toEqual(nobodys);
          }
          expect(await inventory(acme)).toBe(before);
        });

        it('was never told of what is secret', () => {
          expect(told.length).toBeGreaterThan(100);
          for (const text of told) expect(text).not.toContain(SECRET);
        });
      });

      it('whoever may see all of it does, and ada what is hers', async () => {
        const ada = await server.connect('ada', kind);
        const live = `${encodeURIComponent(ADA)}/live 🦊`;
        for (const [what, client, expected] of [
          [
            'acme',
            acme,
            [HER_OTHER, live, 'plain-4711', 'nobodys-4711', `${encodeURIComponent(BOB)}/own`],
          ],
          ['ada', ada, [HER_OTHER, live]],
        ] as const) {
          const { sessions } = await call(client, 'list_sessions', { order: 'asc' });
          const ids = sessions.map(({ session_id }: { session_id: string }) => session_id);
          expect(ids, what).toEqual(expected);
          const text = JSON.stringify(await call(client, 'get_memory', { session_id: live }));
          expect(text, what).toContain(SECRET);
          const { facts } = await call(client, 'search_facts', { user_id: ADA, query: SECRET });
          expect(facts[0].fact, what).toContain(SECRET);
        }
      });
    });
  });
}
