import { describe, expect } from 'vitest';
import { V1_CLIENTS, V2_CLIENTS, type ZepClient } from '../support/zep-clients.ts';
import { runProgram } from '../support/zep-programs.ts';
import { describeZepServers, itWithEach, type ZepServer } from '../support/zep-servers.ts';

const LONGEST = `${'東'.repeat(341)}x`;
const TOO_LONG = 'x'.repeat(1025);

/** Identifiers that a client sends so that they can be told apart, or not: see `CONFUSED`. */
const IDS = [
  ...['a/b', '/a', 'a/', 'a//b', 'x/memory', 'x/messages', 'search', 'ordered'],
  ...['50%', '%41', '%2F', 'a+b', 'a&b=c', 'a?b', 'a#b', 'a\\b', 'a b', '"q"', "it's", 'a;b:c@d'],
  ...['münchen', 'mu\u0308nchen', '東京', '🌧', 'שלום', '{session_id}', '__proto__', '0', 'null'],
  ...['a.b', '.', '..', 'a/../b', LONGEST, TOO_LONG],
];

/**
 * The identifiers that a client sends as if they were others. No server can tell them apart: the clients put
 * an identifier into an address as it is, all but the JavaScript clients of the cloud edition. Yet a program
 * that lists sessions sees them as they are.
 */
const CONFUSED: Readonly<Record<string, Readonly<Record<'JavaScript' | 'Python', string[]>>>> = {
  v1: {
    // An address without a last slash, `\` made `/`, dots resolved.
    JavaScript: ['a/', 'x/memory', 'x/messages', '%41', '%2F', 'a\\b', '.', '..', 'a/../b'],
    // A `?` begins the query, a `#` what is not sent.
    Python: ['x/memory', 'x/messages', '%41', '%2F', 'a?b', 'a#b', '.', '..', 'a/../b'],
  },
  v2: {
    // Encoded, but for dots, which are then resolved.
    JavaScript: ['.', '..'],
    // As in v1, and empty parts of an address are dropped.
    Python: [
      ...['/a', 'a/', 'a//b', 'x/memory', 'x/messages', '%41', '%2F', 'a?b', 'a#b'],
      ...['.', '..', 'a/../b'],
    ],
  },
};

/** Nothing is below a user that has these names. */
const OF_SESSIONS_ALONE = ['x/memory', 'x/messages'];

const failed = (outcomes: Record<string, string | null>) =>
  Object.keys(outcomes).filter((id) => outcomes[id] !== null);

async function expectLives(client: ZepClient, edition: string, server: ZepServer, error: string) {
  const more = { IDS: JSON.stringify(IDS) };
  const { sessions, users, left } = await runProgram(
    client,
    `${edition}/identifiers`,
    server.fresh(),
    more,
  );
  const confused = CONFUSED[edition]?.[client.language] ?? [];
  expect(sessions[TOO_LONG]).toBe(`add: ${error}`);
  expect(users[TOO_LONG]).toBe(`add: ${error}`);
  expect(failed(sessions).toSorted()).toStrictEqual([...confused, TOO_LONG].toSorted());
  const ofUsers = confused.filter((id) => !OF_SESSIONS_ALONE.includes(id));
  expect(failed(users).toSorted()).toStrictEqual([...ofUsers, TOO_LONG].toSorted());
  // What was confused has deleted nothing, and is there.
  expect(left.toSorted()).toStrictEqual(confused.toSorted());
}

describeZepServers('an identifier', [...V1_CLIENTS, ...V2_CLIENTS], (server) => {
  describe('of the self-hosted edition', () => {
    itWithEach(V1_CLIENTS, 'may be any that the client can send', (client) =>
      expectLives(client, 'v1', server, 'APIError'),
    );
  });
  describe('of the cloud edition', () => {
    itWithEach(V2_CLIENTS, 'may be any that the client can send', (client) =>
      expectLives(client, 'v2', server, 'BadRequestError'),
    );
  });
});
