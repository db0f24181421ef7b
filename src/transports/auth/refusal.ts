import { SCOPES, type Scope } from '../../domain/principal.ts';
import { HttpError } from '../http/http-error.ts';

/** The scopes that a client should request: all but the one for administrators. */
const USUAL_SCOPES = SCOPES.filter((scope) => scope !== 'admin');

/** A credential was refused. The codes are those of RFC 6750 §3.1. */
export class Refusal extends Error {
  readonly status: 400 | 401 | 403 | 503;
  readonly code: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | undefined;
  /** Whether the credential was really issued, for example an expired one, and is not a guess. */
  readonly genuine: boolean;

  /**
   * @param message is sent to the caller: says what to do and contains no part of the credential
   */
  constructor(status: Refusal['status'], message: string, code?: Refusal['code'], genuine = false) {
    super(message);
    this.status = status;
    this.code = code;
    this.genuine = genuine;
  }
}

/** The refusal of an invalid token. The exact reason is kept from the caller. */
export function invalidToken(message: string, genuine = false): Refusal {
  return new Refusal(401, message, 'invalid_token', genuine);
}

/**
 * @returns the granted scopes that this server knows
 * @throws Refusal 403 when it knows none of them, so the credential would permit nothing
 */
export function knownScopes(granted: readonly unknown[]): Scope[] {
  const scopes = SCOPES.filter((scope) => granted.includes(scope));
  if (scopes.length > 0) return scopes;
  throw new Refusal(
    403,
    `The credential carries none of the scopes ${SCOPES.join(', ')}. Sign in again with those that you need.`,
    'insufficient_scope',
    true,
  );
}

/**
 * Converts a refusal to an HTTP error with a challenge (RFC 6750 §3) that names the scopes to
 * request and where to request them.
 *
 * @param metadataUrl the URL of the protected-resource metadata (RFC 9728 §5.1), if there is an
 *   issuer
 */
export function toHttpError(refusal: Refusal, metadataUrl: string | undefined): HttpError {
  const { status, code, message } = refusal;
  if (status === 503) return new HttpError(503, message, { 'retry-after': '5' });
  if (status === 403 && code === undefined) return new HttpError(403, message);
  const parameters = Object.entries({
    resource_metadata: metadataUrl,
    error: code,
    error_description: code && message,
    scope: USUAL_SCOPES.join(' '),
  }).filter(([, value]) => value !== undefined);
  const challenge = parameters.map(([name, value]) => `${name}="${value}"`).join(', ');
  return new HttpError(status, message, { 'www-authenticate': `Bearer ${challenge}` });
}

/** The answer to a wrong credential from an address that has sent too many. */
export function tooManyFailures(seconds: number): HttpError {
  return new HttpError(
    429,
    `The credential is not valid, and too many such came from your address. Sign in again, or wait ${seconds} s; a good credential is let in at once.`,
    { 'retry-after': String(seconds) },
    'failed_sign_ins',
  );
}
