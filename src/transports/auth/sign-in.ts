import type { IncomingMessage } from 'node:http';
import { SCOPES } from '../../mcp/principal.ts';
import type { SignIn } from '../transport.ts';
import { bearerToken } from './bearer.ts';
import { invalidToken, Refusal, toHttpError } from './refusal.ts';
import type { Verifier } from './verifier.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** The ways in that clients know by their address; SSE's messages belong to its stream. */
const RESOURCES = ['/mcp', '/sse'];

/**
 * Lets in who brings a good token.
 *
 * @param verifiers the kinds of tokens; the first that recognises one decides
 * @param issuer who issues tokens to whoever asks, if anybody does
 */
export function bearerSignIn(verifiers: readonly Verifier[], issuer: string | undefined): SignIn {
  /** Where the metadata of what was asked for is (RFC 9728 §3.1). */
  function metadataUrl({ url = '' }: IncomingMessage, origin: string): string | undefined {
    const [path] = url.split('?');
    const resource = path === '/mcp' ? '/mcp' : '/sse';
    return issuer === undefined ? undefined : `${origin}${WELL_KNOWN}${resource}`;
  }

  return {
    async authenticate(request, origin) {
      try {
        const token = bearerToken(request);
        const verifier = verifiers.find(({ recognises }) => recognises(token));
        if (verifier === undefined) {
          throw invalidToken('The token is not of a kind that this server knows.');
        }
        return await verifier.verify(token);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        throw toHttpError(error, metadataUrl(request, origin));
      }
    },

    /** Protected-resource metadata (RFC 9728 §2). */
    metadata(path, origin) {
      if (issuer === undefined || !path.startsWith(WELL_KNOWN)) return undefined;
      const resource = path.slice(WELL_KNOWN.length);
      if (resource !== '' && !RESOURCES.includes(resource)) return undefined;
      return {
        resource: origin + resource,
        authorization_servers: [issuer],
        scopes_supported: SCOPES,
        bearer_methods_supported: ['header'],
        resource_name: 'mcp-sessions',
      };
    },
  };
}
