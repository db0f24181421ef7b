/** The caller of a service. */
export interface Caller {
  /** The tenant. Records of other namespaces do not exist for the caller. */
  namespace: string;
  /** The user that the caller is pinned to. Records of other users do not exist for the caller. */
  user_id?: string;
  /**
   * The name of the credential, for its share of the long reads. Callers without one share by
   * namespace.
   */
  credential?: string;
}
