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
  /** As tokens name it, and where its metadata is found. */
  issuer: string;
  /** A token has to be meant for one of these. */
  audience: readonly string[];
  /** The claim that names the caller's namespace. */
  namespaceClaim: string;
  /** The claim that names the user whom every caller is pinned to; `undefined` pins nobody. */
  userClaim: string | undefined;
}

/** Signatures that only the issuer can make: whoever checks an HS256 could also sign. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** How far the issuer's clock may be from ours, in seconds. */
const CLOCK_TOLERANCE_S = 5;

const named = identifier('What a claim names');

const words = z.union([z.string(), z.array(z.string())]).optional();

/** What claims have to be, as far as `jose` does not look (RFC 7519 §4.1, RFC 8693 §4.2). */
const claimTypes = z.looseObject({
  sub: named,
  aud: z.union([z.string(), z.array(z.string())]),
  // JSON has numbers that are read as infinite.
  exp: z.number(),
  nbf: z.number().optional(),
  iat: z.number().optional(),
  scope: words,
  scp: words,
});
type Claims = z.infer<typeof claimTypes>;

/**
 * Recognises the access tokens of one issuer, as a resource server does (RFC 9068 §4), whatever their
 * `typ`: most issuers do not write the one that is meant for access tokens.
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

  /** @throws Refusal 403: a token without it is good, and good for nothing here */
  function claim(payload: Claims, name: string): string {
    const value = named.safeParse(Object.hasOwn(payload, name) ? payload[name] : undefined);
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

/** RFC 8693 §4.2 calls it `scope`; some issuers `scp`, as text or as a list. */
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
  // What is no error of `jose` itself comes from what it is made of, which met a key that it cannot use.
  const reason = error instanceof errors.JOSEError ? error.code : (error as Error).name;
  // These are looked at once the signature has been found to be good.
  const mistyped = error instanceof z.ZodError;
  const genuine =
    mistyped ||
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed;
  const claim = error instanceof errors.JWTClaimValidationFailed ? error.claim : undefined;
  logger.debug('token refused', { reason, claim: mistyped ? error.issues[0]?.path[0] : claim });
  if (error instanceof errors.JWTExpired) {
    return invalidToken('The token has expired. Sign in again.', genuine);
  }
  if (claim === 'aud') {
    return invalidToken('The token is meant for another server. Sign in to this one.', genuine);
  }
  return invalidToken('The token is not valid. Sign in again.', genuine);
}
