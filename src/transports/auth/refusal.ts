import { SCOPES, type Scope } from '../../mcp/principal.ts';
import { HttpError } from '../http/http-error.ts';

/** What a client should ask its issuer for, to use all but what only administrators do. */
const USUAL_SCOPES = SCOPES.filter((scope) => scope !== 'admin');

/** Why a credential is refused; the codes are those of RFC 6750 §3.1. */
export class Refusal extends Error {
  readonly status: 400 | 401 | 403 | 503;
  readonly code: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | undefined;
  /** Whether the credential is known to come from those who issue them, and is no guess. */
  readonly genuine: boolean;

  /** @param message is for the caller: it says what to do, and holds nothing of the credential */
  constructor(status: Refusal['status'], message: string, code?: Refusal['code'], genuine = false) {
    super(message);
    this.status = status;
    this.code = code;
    this.genuine = genuine;
  }
}

/** What every token meets that is not good, for whatever reason that the caller need not know. */
export function invalidToken(message: string, genuine = false): Refusal {
  return new Refusal(401, message, 'invalid_token', genuine);
}

/**
 * @returns the scopes that were granted, as far as they mean something here
 * @throws Refusal 403 when none of them does, and so nothing could be done with the credential
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
 * A refusal as it is answered: with a challenge (RFC 6750 §3) from which a client learns how to sign
 * in, and for what.
 *
 * @param metadataUrl where it says who issues tokens (RFC 9728 §5.1), if anybody does
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

/** What another wrong credential meets from where too many have come. */
export function tooManyFailures(seconds: number): HttpError {
  return new HttpError(
    429,
    `The credential is not valid, and too many such came from your address. Sign in again, or wait ${seconds} s; a good credential is let in at once.`,
    { 'retry-after': String(seconds) },
    'failed_sign_ins',
  );
}
