import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
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
 */
export function keysOf(issuer: string): JWTVerifyGetKey {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  let finding: Promise<void> | undefined;
  let failure: { at: number; error: IssuerUnavailable } | undefined;

  function fail(error: unknown): IssuerUnavailable {
    const unavailable = new IssuerUnavailable('the issuer of tokens cannot be asked', {
      cause: error,
    });
    failure = { at: Date.now(), error: unavailable };
    return unavailable;
  }

  return async (header, token) => {
    const sinceFailure = Date.now() - (failure?.at ?? Number.NEGATIVE_INFINITY);
    if (failure !== undefined && sinceFailure < PAUSE_AFTER_FAILURE_MS) throw failure.error;
    try {
      if (keys === undefined) {
        finding ??= discover(issuer)
          .then((url) => {
            keys = createRemoteJWKSet(url, { timeoutDuration: TIMEOUT_MS });
          })
          .finally(() => {
            finding = undefined;
          });
        await finding;
      }
      return await (keys as NonNullable<typeof keys>)(header, token);
    } catch (error) {
      // The keys are there, and the token's is not one of them.
      if (error instanceof errors.JWKSNoMatchingKey) throw error;
      if (error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw fail(error);
    }
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
