import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

/** Longer ones are not worth looking at. */
const TOKEN_MAX_LENGTH = 8192;

/**
 * The token of a request, which comes in the `Authorization` header (RFC 6750 §2.1) and nowhere else:
 * a URL ends up in logs.
 *
 * @throws Refusal 401 when there is none, 400 when there are two headers
 */
export function bearerToken(request: IncomingMessage): string {
  // Not `headers`, which keeps the first of two and is silent about the other.
  const [header, ...more] = request.headersDistinct.authorization ?? [];
  if (more.length > 0) {
    throw new Refusal(400, 'Send one Authorization header, not several.', 'invalid_request');
  }
  const found = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header ?? '');
  const token = found?.[1];
  if (token === undefined || token.length > TOKEN_MAX_LENGTH) {
    throw new Refusal(
      401,
      'You have to sign in. Send a token in the header Authorization: Bearer TOKEN; whoever runs this server issues it or says who does.',
      header === undefined ? undefined : 'invalid_token',
    );
  }
  return token;
}
