/** The OAuth scopes of a credential. `admin` includes the others. */
export const SCOPES = ['sessions:read', 'sessions:write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A caller as its credential identifies it. The services know it as their `Caller`. */
export interface Principal {
  /** The tenant. */
  namespace: string;
  /** The user that the credential is pinned to. */
  user_id?: string;
  /** A stable, non-secret name of the credential; `local` where there is no authentication. */
  credential: string;
  scopes: readonly Scope[];
}

/** The only caller of a server without authentication. */
export function localPrincipal(namespace: string): Principal {
  return { namespace, credential: 'local', scopes: SCOPES };
}

/** Whether a principal has the permission that `scope` grants. */
export function mayDo({ scopes }: Pick<Principal, 'scopes'>, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}
