import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUDIENCE, Issuer } from '../../support/issuer.ts';
import { send } from '../../support/raw-http.ts';
import { Servers } from '../../support/server-process.ts';
import { grant } from '../../support/tokens.ts';

let servers: Servers;
let file: string;
beforeEach(async () => {
  servers = await Servers.open();
  file = join(servers.directory, 'secret-place.json');
});
afterEach(() => servers.close());

async function start(env: Record<string, string>) {
  const { opsUrl, stderr } = await servers.spawnObserved({ env });
  const ready = () => send(`${opsUrl}/readyz`);
  const status = async () => (await ready()).status;
  return { ready, status, stderr };
}

const jwt = (issuer: Issuer) => ({ AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE });

describe('a server whose file of tokens', () => {
  const BROKEN: [what: string, breakIt: () => Promise<unknown>][] = [
    ['is removed', () => rm(file)],
    ['is emptied', () => writeFile(file, '')],
    ['is no file of tokens', () => writeFile(file, '{"tokens":[{"id":1}]}')],
    ['is a folder', () => rm(file).then(() => mkdir(file))],
  ];

  it.each(BROKEN)(
    '%s is not ready until it is mended, and says so to anybody',
    async (_, broken) => {
      await grant(file, 'acme');
      const kept = await readFile(file, 'utf8');
      const { ready, status } = await start({ AUTH_TOKENS_FILE: file });
      expect(await status()).toBe(200);
      await broken();
      await expect.poll(status, { timeout: 10_000 }).toBe(503);
      const { body } = await ready();
      expect(body).toMatch(/^Nobody can sign in\. .*tokens.*\n$/);
      expect(body).not.toContain('secret-place');
      await rm(file, { recursive: true, force: true });
      await writeFile(file, kept);
      await expect.poll(status, { timeout: 10_000 }).toBe(200);
    },
  );
});

describe('a server whose issuer', () => {
  let issuer: Issuer;
  beforeEach(async () => {
    issuer = await Issuer.open();
  });
  afterEach(() => issuer.close());

  type Fault = Partial<Pick<Issuer, 'broken' | 'claimed' | 'endless' | 'withoutKeys'>>;
  const SOUND: Fault = {
    broken: false,
    claimed: undefined,
    endless: undefined,
    withoutKeys: false,
  };
  const FAULTS: [what: string, fault: Fault][] = [
    ['answers with errors', { broken: true }],
    ['has the metadata of another', { claimed: 'https://other.example' }],
    ['never ends its metadata', { endless: 'metadata' }],
    ['never ends its keys', { endless: 'keys' }],
    ['publishes no keys', { withoutKeys: true }],
  ];

  it.each(FAULTS)('%s is not ready until it is mended, and says so', async (_, fault) => {
    Object.assign(issuer, fault);
    const { ready, status } = await start(jwt(issuer));
    await expect.poll(async () => (await ready()).body).toContain('The issuer of tokens');
    expect(await ready()).toMatchObject({ status: 503 });
    expect((await ready()).body).not.toContain('127.0.0.1');
    Object.assign(issuer, SOUND);
    await expect.poll(status, { timeout: 10_000, interval: 200 }).toBe(200);
  });

  it('is down is not asked by every probe', async () => {
    issuer.broken = true;
    const { ready, stderr } = await start(jwt(issuer));
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, ready));
      for (const { status } of answers) expect(status).toBe(503);
    }
    // Two addresses for each time, with a pause between these.
    expect(issuer.asked).toBeLessThanOrEqual(20);
    const lines = stderr().split('tokens cannot be checked').length - 1;
    expect(lines).toBeGreaterThan(0);
    expect(lines).toBeLessThanOrEqual(10);
  });

  it('goes down later leaves it ready for as long as its keys are kept', async () => {
    const { status } = await start(jwt(issuer));
    await expect.poll(status).toBe(200);
    issuer.broken = true;
    expect(await status()).toBe(200);
    expect(await status()).toBe(200);
  });

  it('is down leaves it ready while tokens of a file are good, too', async () => {
    await grant(file, 'acme');
    issuer.broken = true;
    const { status } = await start({ AUTH_TOKENS_FILE: file, ...jwt(issuer) });
    expect(await status()).toBe(200);
    await rm(file);
    await expect.poll(status, { timeout: 10_000 }).toBe(503);
  });
});
