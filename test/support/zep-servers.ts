import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { changeTokens, newToken } from '../../src/transports/auth/token-file.ts';
import { Servers } from './server-process.ts';
import { E2E_DATABASES, type E2eDatabase, type E2eDatabaseKind } from './test-databases.ts';
import { installClients, type ZepClient } from './zep-clients.ts';
import type { ProgramAddress } from './zep-programs.ts';

/** How many namespaces there are for the tests of a server. */
const KEYS = 24;

/** A server for the original clients. */
export interface ZepServer {
  /** Its address, with the key of a namespace that nobody has used. */
  fresh(): ProgramAddress;
}

/**
 * Declares tests with a server on each database. Every program has a namespace to itself: clients list all
 * that a key can see.
 *
 * @param clients are installed before
 * @param databases those on which there is a difference to see
 */
export function describeZepServers(
  title: string,
  clients: readonly ZepClient[],
  define: (server: ZepServer) => void,
  databases: readonly E2eDatabaseKind[] = E2E_DATABASES,
): void {
  for (const { name, missing, open } of databases) {
    const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
    describe.skipIf(missing !== undefined)(`${title}, in ${name}${skipped}`, () => {
      let servers: Servers;
      let database: E2eDatabase;
      let url = '';
      const keys: string[] = [];
      beforeAll(async () => {
        await installClients(clients);
        database = open();
        servers = await Servers.open();
        const file = join(servers.directory, 'tokens.json');
        keys.push(...(await grantAll(file)));
        const env = { ...database.env, AUTH_TOKENS_FILE: file };
        ({ url } = await servers.spawnHttp({
          env,
          args: ['--toolsets=sessions,memory,users,facts'],
        }));
      });
      afterAll(async () => {
        await servers?.close();
        await database?.drop();
      });
      define({ fresh: () => ({ url, key: keys.pop() as string }) });
    });
  }
}

/** Keys of the scope admin: a program may delete users. */
async function grantAll(file: string): Promise<string[]> {
  const granted = Array.from({ length: KEYS }, (_, number) =>
    newToken({ namespace: `client-${number}`, scopes: ['admin'] }, Date.now()),
  );
  await changeTokens(file, (tokens) => [...tokens, ...granted.map(({ entry }) => entry)]);
  return granted.map(({ token }) => token);
}

/**
 * Declares a test for each client. They run at once, as programs of their own do. Those that cannot run here
 * are skipped, and say why.
 */
export function itWithEach(
  clients: readonly ZepClient[],
  behaviour: string,
  test: (client: ZepClient) => Promise<void>,
): void {
  for (const client of clients) {
    const { name, missing } = client;
    const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
    const declare = it.skipIf(missing !== undefined).concurrent;
    declare(`${name} ${behaviour}${skipped}`, () => test(client));
  }
}
