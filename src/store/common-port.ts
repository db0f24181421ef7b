/** The types that the parts of the port share. */

/**
 * The outcome of a change: the record as it is now, or what stood in the way, which is the record
 * found under the identifier (live or soft-deleted), or nothing.
 */
export type WriteResult<T, Found = T> =
  | { applied: true; record: T }
  | { applied: false; found: Found | undefined };

/**
 * Whose sessions a call finds: those of a namespace, or only those of one user in it. For all else it
 * is as if there were none: it changes nothing there, answers the same, and is as quick.
 */
export interface AccessScope {
  namespace: string;
  user_id?: string | undefined;
}
