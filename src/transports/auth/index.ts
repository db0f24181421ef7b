import type { Logger } from '../../domain/logger.ts';
import type { Principal } from '../../mcp/principal.ts';
import type { SignIn } from '../transport.ts';
import { FailedSignIns } from './failed-sign-ins.ts';
import { bearerSignIn } from './sign-in.ts';
import type { Verifier } from './verifier.ts';

export interface SignInOptions {
  /** The file of the static tokens. */
  authTokensFile?: string | undefined;
  /** Who issues JWTs, and whom these have to be meant for. */
  authJwtIssuer?: string | undefined;
  authJwtAudience?: readonly string[] | undefined;
  authJwtNamespaceClaim: string;
  authJwtUserClaim?: string | undefined;
}

/**
 * How callers sign in: in each of the ways that are configured. Where none is, nobody signs in, and
 * everybody is `local`.
 *
 * @throws Error when the file of the tokens cannot be read
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
