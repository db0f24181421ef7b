import { isIP } from 'node:net';
import { localhostAllowedHostnames, validateOriginHeader } from '@modelcontextprotocol/server';

/**
 * Protects against web pages that make a browser send requests to this server: under a host name of
 * theirs that resolves to its address (DNS rebinding), or across origins.
 *
 * A Host header with an IP address passes, because rebinding needs a name.
 *
 * @param names host names of this server, in addition to `localhost`
 * @param allowsOrigin whether pages of an origin that is not the server's own may send requests
 * @returns a function that returns what is wrong with a request's Host and Origin headers, or
 *   `undefined`
 */
export function createHostGuard(
  names: readonly string[],
  allowsOrigin: (origin: string) => boolean = () => false,
) {
  const allowed = [...localhostAllowedHostnames(), ...names.map((name) => name.toLowerCase())];
  return (host: string | undefined, origin: string | undefined): string | undefined => {
    const hostname = hostnameOf(host);
    if (hostname === undefined) return 'The Host header is missing or malformed.';
    if (!allowed.includes(hostname) && isIP(hostname.replace(/^\[|\]$/g, '')) === 0) {
      return 'This server does not answer to that Host. --allowed-hosts adds names to it.';
    }
    if (origin === undefined || allowsOrigin(origin)) return undefined;
    if (!validateOriginHeader(origin, allowed).ok) {
      return 'This server does not answer to pages of that Origin. --allowed-origins adds origins to it.';
    }
    return undefined;
  };
}

function hostnameOf(host: string | undefined): string | undefined {
  if (host === undefined || /[/?#@\\\s]/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return undefined;
  }
}
