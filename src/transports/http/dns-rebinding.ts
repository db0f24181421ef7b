import { isIP } from 'node:net';
import { localhostAllowedHostnames, validateOriginHeader } from '@modelcontextprotocol/server';

/**
 * A check against pages that make a browser talk to this server: by a name of theirs that they let
 * resolve to its address (DNS rebinding), or by requests across origins.
 *
 * A Host that is an address passes, since rebinding takes a name.
 *
 * @param names host names under which this server is known, beside `localhost`
 * @returns a function that says what is wrong with a request's Host and Origin, or `undefined`
 */
export function createHostGuard(names: readonly string[]) {
  const allowed = [...localhostAllowedHostnames(), ...names.map((name) => name.toLowerCase())];
  return (host: string | undefined, origin: string | undefined): string | undefined => {
    const hostname = hostnameOf(host);
    if (hostname === undefined) return 'The Host header is missing or malformed.';
    if (!allowed.includes(hostname) && isIP(hostname.replace(/^\[|\]$/g, '')) === 0) {
      return 'This server does not answer to that Host. --allowed-hosts adds names to it.';
    }
    if (!validateOriginHeader(origin, allowed).ok) {
      return 'This server does not answer to pages of that Origin. --allowed-hosts adds names to it.';
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
