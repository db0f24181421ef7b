import type { Logger } from '../../domain/logger.ts';
import type { Principal } from '../../domain/principal.ts';
import type { SignIn } from '../transport.ts';
import { FailedSignIns } from './failed-sign-ins.ts';
import { bearerSignIn } from './sign-in.ts';
import type { Verifier } from './verifier.ts';

export interface SignInOptions {
  /** The path of the file of static tokens. */
  authTokensFile?: string | undefined;
  /** The issuer of JWTs, and the accepted audiences. */
  authJwtIssuer?: string | undefined;
  authJwtAudience?: readonly string[] | undefined;
  authJwtNamespaceClaim: string;
  authJwtUserClaim?: string | undefined;
}

/**
 * Opens every configured way to sign in. Without any, there is no authentication, and every caller
 * is `local`.
 *
 * @throws Error when the token file cannot be read
 */
export async function openSignIn(
  options: SignInOptions,
  local: Principal,
  logger: Logger,
): Promise<SignIn> {
  const { authTokensFile, authJwtIssuer: issuer, authJwtAudience: audience } = options;
  const verifiers: Verifier[] = [];
  if (authTokensFile !== undefined) {
    const { tokenVerifier } = await import('./tokens.ts');
    verifiers.push(await tokenVerifier(authTokensFile, logger));
  }
  if (issuer !== undefined && audience !== undefined) {
    const { jwtVerifier } = await import('./jwt.ts');
    const { authJwtNamespaceClaim: namespaceClaim, authJwtUserClaim: userClaim } = options;
    verifiers.push(jwtVerifier({ issuer, audience, namespaceClaim, userClaim }, logger));
  }
  if (verifiers.length > 0) return bearerSignIn(verifiers, issuer, new FailedSignIns(logger));
  const identity = { caller: local, holds: async () => true };
  return {
    authenticate: async () => identity,
    metadata: () => undefined,
    obstacle: async () => undefined,
  };
}
