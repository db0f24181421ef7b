import type { Caller } from '../../services/caller.ts';

/** Who reads a text. It names only what that caller can do. */
export interface Audience {
  caller: Caller;
}
