import { z } from 'zod';
import { isLoopback } from '../loopback.ts';
import { limitedFetch } from './limited-fetch.ts';

const metadata = z.object({ issuer: z.string(), jwks_uri: z.url() });

/**
 * The URLs at which an issuer may publish its metadata: RFC 8414 §3.1, then OpenID Connect
 * Discovery §4.
 */
function metadataUrls(issuer: string): URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    new URL(`${origin}/.well-known/oauth-authorization-server${path}`),
    new URL(`${origin}${path}/.well-known/openid-configuration`),
  ];
}

/**
 * Finds the URL of an issuer's keys in its metadata.
 *
 * @param timeoutMs the longest wait for each response, in milliseconds
 * @throws AggregateError when no usable metadata is found
 */
export async function discoverKeys(issuer: string, timeoutMs: number): Promise<URL> {
  const problems: unknown[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await limitedFetch(url, { signal, redirect: 'error' });
      if (!response.ok) throw new Error(`${url} answered ${response.status}`);
      const found = metadata.parse(await response.json());
      // RFC 8414 §3.3: without this check, one issuer could impersonate another.
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
