import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTVerifyGetKey,
  type RemoteJWKSet,
} from 'jose';
import { z } from 'zod';
import { isLoopback } from '../../domain/loopback.ts';

/** How long the issuer has to answer, in milliseconds. */
const TIMEOUT_MS = 5000;

/** How long after a failure the issuer is not asked again, in milliseconds. */
const PAUSE_AFTER_FAILURE_MS = 2000;

const metadata = z.object({ issuer: z.string(), jwks_uri: z.url() });

/** The issuer could not be asked: nothing is known about the token. */
export class IssuerUnavailable extends Error {}

/**
 * Finds an issuer's keys through its metadata, which is looked up when the first token comes. Keys
 * are kept for ten minutes; a key that is not among them has them fetched again, twice a minute at
 * most.
 *
 * The function that is returned throws JWKSNoMatchingKey or JWKSMultipleMatchingKeys of `jose` for a
 * token whose key the issuer does not have, and IssuerUnavailable when that cannot be known.
 */
export function keysOf(issuer: string): JWTVerifyGetKey {
  let keys: RemoteJWKSet | undefined;
  let finding: Promise<RemoteJWKSet> | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;

  /** One look-up for all who wait for it. */
  function found(): Promise<RemoteJWKSet> {
    finding ??= discover(issuer)
      .then((url) => createRemoteJWKSet(url, { timeoutDuration: TIMEOUT_MS }))
      .finally(() => {
        finding = undefined;
      });
    return finding;
  }

  /** Shortly after a failure, the keys that are known are all there is. */
  function remembered(): JWTVerifyGetKey | undefined {
    const known = keys?.fresh ? keys.jwks() : undefined;
    return known && createLocalJWKSet(known);
  }

  return async (header, token) => {
    const failing = Date.now() - failedAt < PAUSE_AFTER_FAILURE_MS;
    try {
      if (!failing) {
        keys ??= await found();
        return await keys(header, token);
      }
      const known = remembered();
      if (known !== undefined) return await known(header, token);
    } catch (error) {
      const unknown =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys;
      if (unknown && !failing) throw error;
      if (!failing) failedAt = Date.now();
      throw new IssuerUnavailable('the issuer of tokens cannot be asked', { cause: error });
    }
    throw new IssuerUnavailable('the issuer of tokens could not be asked a moment ago');
  };
}

/** Where an issuer may publish its metadata: RFC 8414 §3.1, then OpenID Connect Discovery §4. */
function metadataUrls(issuer: string): URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    new URL(`${origin}/.well-known/oauth-authorization-server${path}`),
    new URL(`${origin}${path}/.well-known/openid-configuration`),
  ];
}

async function discover(issuer: string): Promise<URL> {
  const problems: unknown[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url, { signal, redirect: 'error' });
      if (!response.ok) throw new Error(`${url} answered ${response.status}`);
      const found = metadata.parse(await response.json());
      // RFC 8414 §3.3: otherwise one issuer could speak for another.
      if (found.issuer !== issuer) throw new Error(`${url} is of another issuer`);
      const keys = new URL(found.jwks_uri);
      if (keys.protocol === 'https:' || isLoopback(keys.hostname)) return keys;
      throw new Error(`${url} names keys that are not behind https`);
    } catch (error) {
      problems.push(error);
    }
  }
  throw new AggregateError(problems, 'the issuer has no metadata that can be used');
}
