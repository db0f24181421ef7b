import type { Identity } from '../transport.ts';

/** Verifies one kind of credential. */
export interface Verifier {
  /** Whether a token has the format of this kind. */
  recognises(token: string): boolean;
  /** @throws Refusal when the token is invalid or cannot be verified */
  verify(token: string): Promise<Identity>;
  /**
   * The reason why no token can be verified at the moment, or `undefined`. It is safe to publish.
   */
  obstacle(): Promise<string | undefined>;
}
