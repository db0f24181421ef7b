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

/** The longest wait for a response of the issuer. */
const TIMEOUT_MS = 5000;

/** After a failed request, the issuer is not asked again for this long. */
const PAUSE_AFTER_FAILURE_MS = 2000;

/** Asymmetric key types: only the issuer has the private key. */
const PUBLIC_KEYS: ReadonlySet<string | undefined> = new Set(['RSA', 'EC', 'OKP']);

/** The issuer could not be reached, so a token can be neither accepted nor refused. */
export class IssuerUnavailable extends Error {}

/** Finds the key that verifies a token. */
export interface IssuerKeys extends JWTVerifyGetKey {
  /** Whether keys are available to verify tokens with. Asks the issuer if none are cached. */
  known(): Promise<boolean>;
}

/**
 * Finds an issuer's keys through its metadata, which is fetched when the first token arrives. Keys
 * are cached for ten minutes. An unknown key identifier makes them be fetched again, at most twice
 * a minute.
 *
 * The returned function throws JWKSNoMatchingKey or JWKSMultipleMatchingKeys of `jose` for a token
 * whose key the issuer does not publish, and IssuerUnavailable when the issuer cannot be reached.
 *
 * @param onFailure is called with the reason why the issuer could not be reached, once for all
 *   requests that waited for the same attempt
 */
export function keysOf(
  issuer: string,
  onFailure: (error: unknown) => void = () => undefined,
): IssuerKeys {
  let keys: RemoteJWKSet | undefined;
  let discovery: Promise<RemoteJWKSet> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;

  /** Concurrent callers share one look-up. */
  function discoverOnce(): Promise<RemoteJWKSet> {
    discovery ??= discoverKeys(issuer, TIMEOUT_MS)
      .then((url) =>
        createRemoteJWKSet(url, { timeoutDuration: TIMEOUT_MS, [customFetch]: limitedFetch }),
      )
      .finally(() => {
        discovery = undefined;
      });
    return discovery;
  }

  // The absolute difference also works after the clock was set back.
  const isFailing = () => Math.abs(Date.now() - failedAt) < PAUSE_AFTER_FAILURE_MS;

  function fail(error: unknown): void {
    if (isFailing()) return;
    failedAt = Date.now();
    onFailure(error);
  }

  /** The cached keys, if they have not expired. */
  const cachedKeys = (): JSONWebKeySet | undefined => (keys?.fresh ? keys.jwks() : undefined);

  const find: JWTVerifyGetKey = async (header, token) => {
    const failing = isFailing();
    try {
      if (!failing) {
        keys ??= await discoverOnce();
        return await keys(header, token);
      }
      // Shortly after a failure, only cached keys are used.
      const known = cachedKeys();
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
    if (hasKeys(cachedKeys())) return true;
    if (isFailing()) return false;
    try {
      keys ??= await discoverOnce();
      // Concurrent callers share one reload as well.
      await keys.reload();
      if (hasKeys(cachedKeys())) return true;
      throw new Error('the issuer publishes no keys that tokens could be signed with');
    } catch (error) {
      fail(error);
      return false;
    }
  }

  return Object.assign(find, { known });
}

/** Whether any of the keys can be a signing key. */
function hasKeys(known: JSONWebKeySet | undefined): boolean {
  return known?.keys.some(({ kty, use = 'sig' }) => use === 'sig' && PUBLIC_KEYS.has(kty)) ?? false;
}
