import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODERN } from '../support/clients.ts';
import { Servers, TRANSPORTS, type TransportKind } from '../support/server-process.ts';
import { E2E_DATABASES } from '../support/test-databases.ts';
import { catalogue } from './scenario/catalogue.ts';
import { facts } from './scenario/facts.ts';
import { MatrixCase } from './scenario/matrix-case.ts';
import { memory } from './scenario/memory.ts';
import { resources } from './scenario/resources.ts';
import { restart } from './scenario/restart.ts';
import { search } from './scenario/search.ts';
import { sessions } from './scenario/sessions.ts';
import { users } from './scenario/users.ts';

/** What each case of the matrix goes through. */
const SCENARIO = [catalogue, sessions, memory, search, users, facts, resources, restart];

for (const store of E2E_DATABASES) {
  for (const transport of TRANSPORTS) {
    for (const kind of ['v1', 'v2'] as const) {
      const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
      describe.skipIf(store.missing !== undefined)(
        `over ${transport}, a ${kind} client of sessions in ${store.name}${skipped}`,
        () => {
          const matrixCase = new MatrixCase(transport, kind, store.open);
          beforeAll(() => matrixCase.start());
          afterAll(() => matrixCase.stop());
          for (const step of SCENARIO) step(matrixCase);
        },
      );
    }
  }
}

describe('a v2 client that is not told the protocol era', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.open();
  });
  afterAll(() => servers?.close());

  it.each<TransportKind>(['stdio', 'Streamable HTTP'])(
    'finds the modern one by itself over %s',
    async (transport) => {
      const client = await (await servers.serve(transport)).connect('v2 auto');
      expect(client.protocolVersion).toBe(MODERN);
      expect((await client.callTool('list_sessions')).isError).toBe(false);
    },
  );

  it.each<TransportKind>(['stdio', 'Streamable HTTP'])(
    'is served in the older one over %s if that is what it asks for',
    async (transport) => {
      const client = await (await servers.serve(transport)).connect('v2 legacy');
      expect(client.protocolVersion).toBe('2025-11-25');
      expect((await client.callTool('list_sessions')).isError).toBe(false);
    },
  );
});
