import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

/** Longer tokens are refused unread. */
const TOKEN_MAX_LENGTH = 8192;

/**
 * Returns the bearer token of a request. Only the `Authorization` header may carry it (RFC 6750
 * §2.1): URLs end up in logs. The clients of the REST API call the scheme Api-Key.
 *
 * @throws Refusal 401 when there is no token, 400 when the header is sent twice
 */
export function bearerToken(request: IncomingMessage): string {
  // `headers` would keep the first of two headers and drop the second silently.
  const [header, ...more] = request.headersDistinct.authorization ?? [];
  if (more.length > 0) {
    throw new Refusal(400, 'Send one Authorization header, not several.', 'invalid_request');
  }
  const match = /^(?:Bearer|Api-Key) +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header ?? '');
  const token = match?.[1];
  if (token === undefined || token.length > TOKEN_MAX_LENGTH) {
    throw new Refusal(
      401,
      'You have to sign in. Send a token in the header Authorization: Bearer TOKEN; whoever runs this server issues it or says who does.',
      header === undefined ? undefined : 'invalid_token',
    );
  }
  return token;
}
