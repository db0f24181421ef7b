import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUDIENCE, Issuer } from '../../support/issuer.ts';
import { JSON_HEADERS, send } from '../../support/raw-http.ts';
import { Servers } from '../../support/server-process.ts';

const MEGABYTE = 1024 * 1024;

describe('an issuer whose answer does not end', () => {
  let servers: Servers;
  let issuer: Issuer;
  beforeEach(async () => {
    servers = await Servers.open();
    issuer = await Issuer.open();
  });
  afterEach(async () => {
    issuer.close();
    await servers.close();
  });

  it.each(['metadata', 'keys', 'error'] as const)(
    'fills no memory, and holds up nobody for long: %s',
    async (endless) => {
      issuer.endless = endless;
      const env = { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE };
      const { url, opsUrl } = await servers.spawnObserved({ env });
      const token = await issuer.sign();
      const call = () =>
        send(`${url}/mcp`, {
          headers: { ...JSON_HEADERS, authorization: `Bearer ${token}` },
          body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        });
      const rss = async () => {
        const { body } = await send(`${opsUrl}/metrics`);
        return Number(/^process_resident_memory_bytes (\d+)/m.exec(body)?.[1]);
      };
      const before = await rss();
      const answering = Array.from({ length: 10 }, call);
      let most = 0;
      for (let i = 0; i < 10; i++) most = Math.max(most, await rss());
      for (const { status } of await Promise.all(answering)) expect(status).toBe(503);
      most = Math.max(most, await rss());
      expect(most - before).toBeLessThan(100 * MEGABYTE);
      issuer.endless = undefined;
      await expect
        .poll(async () => (await call()).status, { timeout: 10_000, interval: 200 })
        .toBe(200);
    },
  );
});
