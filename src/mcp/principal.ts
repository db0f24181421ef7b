import type { Caller } from '../services/caller.ts';

/** What a credential may do. `admin` includes the others. */
export const SCOPES = ['sessions:read', 'sessions:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A caller as the credential shows it that came with the call. */
export interface Principal extends Caller {
  /** Names the credential for as long as it exists, and is no secret; `local` where nobody signs in. */
  credential: string;
  scopes: readonly Scope[];
}

/** The one person who uses a server on which nobody signs in. */
export function localPrincipal(namespace: string): Principal {
  return { namespace, credential: 'local', scopes: SCOPES };
}

/** Whether a principal may do what needs `scope`. */
export function mayDo({ scopes }: Pick<Principal, 'scopes'>, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}
