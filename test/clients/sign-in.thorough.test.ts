import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES } from '../support/test-databases.ts';
import { installClients, V1_CLIENTS, V2_CLIENTS } from '../support/zep-clients.ts';
import { runProgram } from '../support/zep-programs.ts';
import { describeZepServers, itWithEach, type ZepServer } from '../support/zep-servers.ts';

/** The calls of a program. */
const CALLS = 7;
const ANSWERED = Array(CALLS).fill(null);

const CLIENTS = [...V1_CLIENTS, ...V2_CLIENTS];
const UNAUTHENTICATED = { JavaScript: 'AuthenticationError', Python: 'AuthError' };

/** One of each language and API: without keys, the versions of a client do the same. */
const NEWEST = ['@getzep/zep-js 0.10.0', 'zep-python 1.5.0 (sync)'];
const NEWEST_CLOUD = ['@getzep/zep-cloud 2.22.0', 'zep-cloud 2.22.1 (sync)'];

const withKeys = (server: ZepServer) => {
  describe('of the self-hosted edition', () => {
    itWithEach(V1_CLIENTS, 'tells a wrong key by its own error', async (client) => {
      const refused = Array(CALLS).fill(UNAUTHENTICATED[client.language]);
      // The check of the health says that the server is there, whatever the key.
      expect(await runProgram(client, 'v1/sign-in', server.fresh())).toMatchObject({
        ...{ right: ANSWERED, wrong: refused, none: refused, warnings: [] },
        notFound: expect.stringMatching(/^No session found for \w+ unknown$/),
      });
    });
  });
  describe('of the cloud edition', () => {
    itWithEach(V2_CLIENTS, 'gets the status 401 for a wrong key', async (client) => {
      // The clients have no class for it in these calls, only their general one with the status.
      const seen = await runProgram(client, 'v2/sign-in', server.fresh());
      expect(seen).toStrictEqual({ right: ANSWERED, wrong: Array(CALLS).fill(401) });
    });
  });
};
// Keys are looked at before any store is.
describeZepServers('a server with keys', CLIENTS, withKeys, E2E_DATABASES.slice(0, 1));

describe('a server without keys', () => {
  let servers: Servers;
  beforeAll(async () => {
    await installClients(CLIENTS);
    servers = await Servers.open();
  });
  afterAll(() => servers?.close());

  // All of them know one namespace, so that each has a server with data of its own.
  const start = async (name: string) => {
    const env = { SESSIONS_DB: `${servers.directory}/${name.replaceAll(/\W/g, '-')}.db` };
    const { url } = await servers.spawnHttp({ env });
    return { url, key: 'any key' };
  };
  const newest = V1_CLIENTS.filter(({ name }) => NEWEST.includes(name));
  itWithEach(newest, 'is used with any key, or none', async (client) => {
    const seen = await runProgram(client, 'v1/sign-in', await start(client.name));
    expect(seen.right).toStrictEqual(ANSWERED);
    expect(seen.warnings).toStrictEqual([]);
  });
  const newestCloud = V2_CLIENTS.filter(({ name }) => NEWEST_CLOUD.includes(name));
  itWithEach(newestCloud, 'is used with any key', async (client) => {
    const seen = await runProgram(client, 'v2/sign-in', await start(client.name));
    expect(seen.right).toStrictEqual(ANSWERED);
  });
});
