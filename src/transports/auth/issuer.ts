import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  type RemoteJWKSet,
} from 'jose';
import { discoverKeys } from './discovery.ts';
import { limitedFetch } from './limited-fetch.ts';

/** How long the issuer has to answer, in milliseconds. */
const TIMEOUT_MS = 5000;

/** How long after a failure the issuer is not asked again, in milliseconds. */
const PAUSE_AFTER_FAILURE_MS = 2000;

/** The kinds of keys of which only the issuer has the other half. */
const PUBLIC_KEYS: ReadonlySet<string | undefined> = new Set(['RSA', 'EC', 'OKP']);

/** The issuer could not be asked: nothing is known about the token. */
export class IssuerUnavailable extends Error {}

/** Finds the key of a token. */
export interface IssuerKeys extends JWTVerifyGetKey {
  /** Whether there are keys to verify tokens with; asks the issuer if none are known. */
  known(): Promise<boolean>;
}

/**
 * Finds an issuer's keys through its metadata, which is looked up when the first token comes. Keys
 * are kept for ten minutes; a key that is not among them has them fetched again, twice a minute at
 * most.
 *
 * The function that is returned throws JWKSNoMatchingKey or JWKSMultipleMatchingKeys of `jose` for a
 * token whose key the issuer does not have, and IssuerUnavailable when that cannot be known.
 *
 * @param onFailure hears why the issuer could not be asked, once for all who asked together
 */
export function keysOf(
  issuer: string,
  onFailure: (error: unknown) => void = () => undefined,
): IssuerKeys {
  let keys: RemoteJWKSet | undefined;
  let finding: Promise<RemoteJWKSet> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;

  /** One look-up for all who wait for it. */
  function found(): Promise<RemoteJWKSet> {
    finding ??= discoverKeys(issuer, TIMEOUT_MS)
      .then((url) =>
        createRemoteJWKSet(url, { timeoutDuration: TIMEOUT_MS, [customFetch]: limitedFetch }),
      )
      .finally(() => {
        finding = undefined;
      });
    return finding;
  }

  // Whichever way the clock was set meanwhile.
  const isFailing = () => Math.abs(Date.now() - failedAt) < PAUSE_AFTER_FAILURE_MS;

  function fail(error: unknown): void {
    if (isFailing()) return;
    failedAt = Date.now();
    onFailure(error);
  }

  /** The keys that were fetched not too long ago. */
  const remembered = (): JSONWebKeySet | undefined => (keys?.fresh ? keys.jwks() : undefined);

  const find: JWTVerifyGetKey = async (header, token) => {
    const failing = isFailing();
    try {
      if (!failing) {
        keys ??= await found();
        return await keys(header, token);
      }
      // Shortly after a failure, the keys that are known are all there is.
      const known = remembered();
      if (known !== undefined) return await createLocalJWKSet(known)(header, token);
    } catch (error) {
      const unknown =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys;
      if (unknown && !failing) throw error;
      if (!failing) fail(error);
      throw new IssuerUnavailable('the issuer of tokens cannot be asked', { cause: error });
    }
    throw new IssuerUnavailable('the issuer of tokens could not be asked a moment ago');
  };

  async function known(): Promise<boolean> {
    if (hasKeys(remembered())) return true;
    if (isFailing()) return false;
    try {
      keys ??= await found();
      // Those who ask together share one answer here, too.
      await keys.reload();
      if (hasKeys(remembered())) return true;
      throw new Error('the issuer publishes no keys that tokens could be signed with');
    } catch (error) {
      fail(error);
      return false;
    }
  }

  return Object.assign(find, { known });
}

/** Whether any of the keys can be one that tokens are signed with. */
function hasKeys(known: JSONWebKeySet | undefined): boolean {
  return known?.keys.some(({ kty, use = 'sig' }) => use === 'sig' && PUBLIC_KEYS.has(kty)) ?? false;
}
