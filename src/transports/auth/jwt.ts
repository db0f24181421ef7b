import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { identifier } from '../../domain/identifiers.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Identity } from '../transport.ts';
import { IssuerUnavailable, keysOf } from './issuer.ts';
import { invalidToken, knownScopes, Refusal } from './refusal.ts';
import type { Verifier } from './verifier.ts';

export interface JwtOptions {
  /** The `iss` claim of the tokens, and the URL below which the issuer's metadata is found. */
  issuer: string;
  /** The accepted audiences: a token has to name one of these. */
  audience: readonly string[];
  /** The claim that names the caller's namespace. */
  namespaceClaim: string;
  /** The claim that names the user to which the caller is pinned; `undefined` pins no caller. */
  userClaim: string | undefined;
}

/**
 * Signatures that only the issuer can make. HS256 and its like are missing because anyone who can
 * verify such a signature can also create one.
 */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** The largest accepted difference between the issuer's clock and ours. */
const CLOCK_TOLERANCE_S = 5;

const claimIdentifier = identifier('What a claim names');

const stringOrList = z.union([z.string(), z.array(z.string())]).optional();

/** The claim types that `jose` does not check (RFC 7519 §4.1, RFC 8693 §4.2). */
const claimTypes = z.looseObject({
  sub: claimIdentifier,
  aud: z.union([z.string(), z.array(z.string())]),
  // `JSON.parse` reads large numbers such as 1e999 as Infinity, which zod refuses.
  exp: z.number(),
  nbf: z.number().optional(),
  iat: z.number().optional(),
  scope: stringOrList,
  scp: stringOrList,
});
type Claims = z.infer<typeof claimTypes>;

/**
 * Verifies the access tokens of one issuer as a resource server does (RFC 9068 §4). The `typ`
 * header is not checked: most issuers do not set the type that is meant for access tokens.
 */
export function jwtVerifier(options: JwtOptions, logger: Logger): Verifier {
  const { issuer, namespaceClaim, userClaim } = options;
  const keys = keysOf(issuer, (error) => logger.warn('tokens cannot be checked', { error }));

  async function claimsOf(token: string): Promise<Claims> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...options.audience],
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ['exp', 'sub'],
      });
      return claimTypes.parse(payload);
    } catch (error) {
      throw refusalOf(error, logger);
    }
  }

  /** @throws Refusal 403 when the token is valid but lacks a usable claim of this name */
  function claim(payload: Claims, name: string): string {
    const value = claimIdentifier.safeParse(
      Object.hasOwn(payload, name) ? payload[name] : undefined,
    );
    if (value.success) return value.data;
    throw new Refusal(
      403,
      `The token has no claim ${JSON.stringify(name)} that could be used. Whoever runs the issuer has to add it.`,
      undefined,
      true,
    );
  }

  return {
    recognises: () => true,

    async verify(token): Promise<Identity> {
      const payload = await claimsOf(token);
      const expires = 1000 * (payload.exp + CLOCK_TOLERANCE_S);
      const subject = JSON.stringify([issuer, payload.sub]);
      return {
        caller: {
          namespace: claim(payload, namespaceClaim),
          credential: `jwt:${createHash('sha256').update(subject).digest('base64url').slice(0, 22)}`,
          scopes: knownScopes(scopesOf(payload)),
          ...(userClaim !== undefined && { user_id: claim(payload, userClaim) }),
        },
        holds: async () => Date.now() < expires,
      };
    },

    async obstacle() {
      if (await keys.known()) return undefined;
      return 'The issuer of tokens cannot be asked for its keys. The log says why.';
    },
  };
}

/** RFC 8693 §4.2 names the claim `scope`. Some issuers use `scp`, as a string or a list. */
function scopesOf({ scope = [], scp = [] }: Claims): string[] {
  return [scope, scp].flatMap((granted) =>
    typeof granted === 'string' ? granted.split(' ') : granted,
  );
}

function refusalOf(error: unknown, logger: Logger): Refusal {
  if (error instanceof IssuerUnavailable) {
    return new Refusal(
      503,
      'The issuer of tokens cannot be reached, so nobody can be let in. Try again shortly.',
    );
  }
  // Other errors come from the crypto library below `jose`, when it cannot use a key.
  const reason = error instanceof errors.JOSEError ? error.code : (error as Error).name;
  // Claims are checked after the signature: a token that fails here was issued by the issuer.
  const hasWrongType = error instanceof z.ZodError;
  const genuine =
    hasWrongType ||
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed;
  const claim = error instanceof errors.JWTClaimValidationFailed ? error.claim : undefined;
  logger.debug('token refused', { reason, claim: hasWrongType ? error.issues[0]?.path[0] : claim });
  if (error instanceof errors.JWTExpired) {
    return invalidToken('The token has expired. Sign in again.', genuine);
  }
  if (claim === 'aud') {
    return invalidToken('The token is meant for another server. Sign in to this one.', genuine);
  }
  return invalidToken('The token is not valid. Sign in again.', genuine);
}
