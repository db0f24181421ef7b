import type { JWTHeaderParameters } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IssuerUnavailable, keysOf } from '../../../src/transports/auth/issuer.ts';
import { Issuer } from '../../support/issuer.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

describe("an issuer's keys", () => {
  let issuer: Issuer;
  let find: (kid: string) => Promise<unknown>;

  beforeEach(async () => {
    // Only the clock, which the tests move.
    vi.useFakeTimers({ toFake: ['Date'] });
    issuer = await Issuer.open();
    const keys = keysOf(issuer.url);
    find = async (kid) =>
      keys({ alg: 'ES256', kid } as JWTHeaderParameters, { payload: '', signature: '' });
  });
  afterEach(() => {
    vi.useRealTimers();
    issuer.close();
  });

  const pass = (time: number) => vi.setSystemTime(Date.now() + time);
  const unknown = (kid: string) =>
    expect(find(kid)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  const unavailable = (kid: string) => expect(find(kid)).rejects.toBeInstanceOf(IssuerUnavailable);

  it('are found through its metadata, once for all who ask together', async () => {
    await Promise.all(Array.from({ length: 10 }, () => find(issuer.kid)));
    expect(issuer.keysFetched).toBe(1);
  });

  it('are fetched again for a new one, though for unknown ones not twice in half a minute', async () => {
    await find(issuer.kid);
    await issuer.addKey();
    await unknown(issuer.kid);
    pass(31 * SECOND);
    await find(issuer.kid);
    expect(issuer.keysFetched).toBe(2);
    for (let i = 0; i < 20; i++) await unknown(`made-up-${i}`);
    expect(issuer.keysFetched).toBe(2);
  });

  it('that are known stay good while it is down, whatever else is looked for', async () => {
    await find(issuer.kid);
    issuer.broken = true;
    pass(31 * SECOND);
    for (let i = 0; i < 5; i++) {
      await unavailable(`made-up-${i}`);
      await find(issuer.kid);
      pass(SECOND);
    }
    pass(10 * MINUTE);
    await unavailable(issuer.kid);
    issuer.broken = false;
    pass(3 * SECOND);
    await find(issuer.kid);
  });

  it('are not asked for again at once after a failure', async () => {
    issuer.broken = true;
    await unavailable(issuer.kid);
    issuer.broken = false;
    await unavailable(issuer.kid);
    expect(issuer.keysFetched).toBe(0);
    pass(3 * SECOND);
    await find(issuer.kid);
  });

  it('are not taken from metadata of another issuer', async () => {
    issuer.claimed = `${issuer.url}/`;
    await unavailable(issuer.kid);
  });
});
