import type { IncomingMessage } from 'node:http';
import { SCOPES } from '../../domain/principal.ts';
import type { HttpError } from '../http/http-error.ts';
import type { SignIn } from '../transport.ts';
import { bearerToken } from './bearer.ts';
import type { FailedSignIns } from './failed-sign-ins.ts';
import { invalidToken, Refusal, toHttpError, tooManyFailures } from './refusal.ts';
import type { Verifier } from './verifier.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** The endpoints that clients know by URL. The messages endpoint of HTTP+SSE belongs to `/sse`. */
const RESOURCES = ['/mcp', '/sse'];

/**
 * Authenticates requests by bearer token.
 *
 * @param verifiers one per kind of token; the first that recognises a token decides
 * @param issuer the issuer from which clients can get tokens, if there is one
 * @param failed counts wrong credentials
 */
export function bearerSignIn(
  verifiers: readonly Verifier[],
  issuer: string | undefined,
  failed: FailedSignIns,
): SignIn {
  /** The metadata URL of the requested resource (RFC 9728 §3.1). */
  function metadataUrl({ url = '' }: IncomingMessage, origin: string): string | undefined {
    const [path = ''] = url.split('?');
    const resource = path === '/mcp' ? '/mcp' : '/sse';
    return issuer === undefined || path.startsWith('/api/')
      ? undefined
      : `${origin}${WELL_KNOWN}${resource}`;
  }

  /** Logs a refused credential, counts it if it may be a guess, and returns the answer. */
  function refusalFor(refusal: Refusal, request: IncomingMessage, origin: string): HttpError {
    const { status, genuine, message } = refusal;
    const answer = toHttpError(refusal, metadataUrl(request, origin));
    // A request without a credential is how clients discover the way to get one: not a failure.
    if (status === 503 || request.headers.authorization === undefined) return answer;
    const address = request.socket.remoteAddress ?? 'unknown';
    if (genuine) {
      failed.note(address, message);
      return answer;
    }
    const seconds = failed.count(address, message);
    return seconds === undefined ? answer : tooManyFailures(seconds);
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
        throw refusalFor(error, request, origin);
      }
    },

    /** Signing in is possible as long as one kind of credential can be verified. */
    async obstacle() {
      const obstacles = await Promise.all(verifiers.map((verifier) => verifier.obstacle()));
      return obstacles.includes(undefined)
        ? undefined
        : `Nobody can sign in. ${obstacles.join(' ')}`;
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
