import type { IncomingMessage } from 'node:http';
import { HttpError } from './http-error.ts';

/**
 * Normalizes the request target to a path without a slash at its end, and sets the Host header. A
 * client may send an absolute URL instead, whose host then overrides the Host header (RFC 9112
 * §3.2.2).
 *
 * @throws HttpError 400 when the URL is malformed, or when there is more than one Host header
 */
export function normalizeTarget(request: IncomingMessage): void {
  const { url = '', rawHeaders } = request;
  // Node silently keeps the first Host header. RFC 9112 §3.2 requires such a request to be refused.
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts > 1) throw new HttpError(400, 'Send one Host header, not several.');
  if (!/^https?:/i.test(url)) {
    request.url = withoutSlash(url);
    return;
  }
  if (!URL.canParse(url)) {
    throw new HttpError(400, 'The URL that is asked for is malformed. Send its path alone.');
  }
  const { host, pathname, search } = new URL(url);
  request.headers.host = host;
  request.url = withoutSlash(pathname + search);
}

/**
 * Removes one slash from the end of a path, which may have a query. A path of the REST API may end with an
 * identifier that has one.
 */
function withoutSlash(url: string): string {
  return url.startsWith('/api/') ? url : url.replace(/^([^?]+)\/(?=\?|$)/, '$1');
}
