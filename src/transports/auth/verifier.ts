import type { Identity } from '../transport.ts';

/** One kind of credential. */
export interface Verifier {
  /** Whether a token is of this kind, by its looks. */
  recognises(token: string): boolean;
  /** @throws Refusal */
  verify(token: string): Promise<Identity>;
  /** Why no token can be verified at the moment, in words that anybody may read, if so. */
  obstacle(): Promise<string | undefined>;
}
