import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../../src/app/logger.ts';
import { FailedSignIns, networkOf } from '../../../src/transports/auth/failed-sign-ins.ts';
import { AUDIENCE, Issuer } from '../../support/issuer.ts';
import { type Answer, JSON_HEADERS, message, send } from '../../support/raw-http.ts';
import { Servers } from '../../support/server-process.ts';
import { grant } from '../../support/tokens.ts';

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

describe('wrong credentials from one address', () => {
  let servers: Servers;
  let issuer: Issuer;
  let good: string;
  let server: Awaited<ReturnType<Servers['spawnObserved']>>;
  beforeEach(async () => {
    servers = await Servers.open();
    issuer = await Issuer.open();
    const file = join(servers.directory, 'tokens.json');
    good = await grant(file, 'acme');
    const jwt = { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE };
    server = await servers.spawnObserved({ env: { AUTH_TOKENS_FILE: file, ...jwt } });
  });
  afterEach(async () => {
    issuer.close();
    await servers.close();
  });

  const call = (token?: string): Promise<Answer> =>
    send(`${server.url}/mcp`, {
      headers: { ...JSON_HEADERS, ...(token && { authorization: `Bearer ${token}` }) },
      body: PING,
    });
  const lines = () =>
    server
      .stderr()
      .split('\n')
      .filter((line) => line.startsWith('{"level":"warn"'));

  async function guess(count: number): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let i = 0; i < count; i += 20) {
      const guesses = Array.from({ length: 20 }, (_, j) =>
        call(`mcps_${'0'.repeat(12)}_wrong${i + j}`),
      );
      answers.push(...(await Promise.all(guesses)));
    }
    return answers;
  }

  it('are answered 429 once there are too many, while good ones are let in', async () => {
    const answers = await guess(600);
    expect(answers[0]?.status).toBe(401);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(100);
    const [first] = refused as [Answer];
    expect(Number(first.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(message(first).error.message).toContain('too many');
    for (const token of [good, await issuer.sign()]) expect((await call(token)).status).toBe(200);
    const expired = await issuer.sign({ exp: Math.floor(Date.now() / 1000) - 60 });
    // What tells a client to renew its token, or how to get one, is not kept from it.
    expect((await call(expired)).status).toBe(401);
    expect((await call()).status).toBe(401);
    const { body } = await send(`${server.opsUrl}/metrics`);
    expect(body).toContain(
      `mcp_sessions_refused_total{reason="failed_sign_ins"} ${refused.length}\n`,
    );
    expect(body).toContain(
      `mcp_sessions_refused_total{reason="http_401"} ${answers.length - refused.length + 2}\n`,
    );
  });

  it('are written down at once, and then not one by one', async () => {
    await guess(400);
    await expect.poll(lines).toHaveLength(1);
    const line = JSON.parse(lines()[0] as string);
    expect(line).toMatchObject({ message: 'sign-in failed', address: '127.0.0.1', count: 1 });
    expect(server.stderr()).not.toContain('wrong');
  });

  it('are none where no credential is sent', async () => {
    for (let i = 0; i < 5; i++) expect((await call()).status).toBe(401);
    expect(lines()).toEqual([]);
  });
});

describe('failed sign-ins', () => {
  let now: number;
  let written: Record<string, unknown>[];
  let failed: FailedSignIns;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    now = 0;
    written = [];
    const logger = createLogger('warn', (line) => written.push(JSON.parse(line)));
    failed = new FailedSignIns(logger, () => now);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** How many more an address may send. */
  function allowance(address: string): number {
    for (let count = 0; ; count++) if (failed.count(address, 'wrong') !== undefined) return count;
  }

  it('of one address are no matter of others, and are forgiven with time', () => {
    expect(allowance('192.0.2.1')).toBe(300);
    expect(allowance('192.0.2.2')).toBe(300);
    now += 10_000;
    expect(allowance('192.0.2.1')).toBeGreaterThanOrEqual(48);
    now += 3_600_000;
    expect(allowance('192.0.2.1')).toBe(300);
  });

  it('say after how many seconds another one counts as the first', () => {
    allowance('192.0.2.1');
    for (let i = 0; i < 10_000; i++) failed.count('192.0.2.1', 'wrong');
    const seconds = failed.count('192.0.2.1', 'wrong') as number;
    now += seconds * 1000;
    expect(failed.count('192.0.2.1', 'wrong')).toBeUndefined();
  });

  it('are counted once a minute, by address', () => {
    for (let i = 0; i < 100; i++) failed.count('192.0.2.1', 'wrong');
    vi.advanceTimersByTime(60_000);
    for (let i = 0; i < 5; i++) failed.count('192.0.2.1', 'wrong again');
    vi.advanceTimersByTime(180_000);
    expect(written.map(({ message, count, reason }) => [message, count, reason])).toEqual([
      ['sign-in failed', 1, 'wrong'],
      ['sign-ins failed', 99, 'wrong'],
      ['sign-ins failed', 5, 'wrong again'],
    ]);
  });

  it('fill neither log nor memory, from however many addresses', () => {
    for (let i = 0; i < 50_000; i++)
      failed.count(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 'x');
    vi.advanceTimersByTime(600_000);
    expect(written.length).toBeLessThanOrEqual(21);
    const counted = written.reduce((sum, { count }) => sum + Number(count), 0);
    expect(counted).toBe(50_000);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::5', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('from %s count for %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
