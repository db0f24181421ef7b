import type { Caller } from '../../services/caller.ts';

/** The reader of a text. Texts mention only what that caller can do. */
export interface Audience {
  caller: Caller;
}
