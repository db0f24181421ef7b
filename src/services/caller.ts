/** On whose behalf a call is made. */
export interface Caller {
  /** The tenant. Records of other namespaces do not exist for the caller. */
  namespace: string;
  /** The user that the caller is pinned to. Records of other users do not exist for the caller. */
  user_id?: string;
  /**
   * Names the credential, which has its own share of the long reads. Without one, the callers of a
   * namespace share.
   */
  credential?: string;
}
