import type { Store } from '../store/store.ts';

/**
 * What the services are made of. The store is asked for when a call needs it, so that a server
 * answers its handshake before any store is open.
 */
export interface Dependencies {
  store(): Promise<Store>;
  /** Milliseconds since 1970. */
  now(): number;
  /** A new UUID version 7. */
  newUuid(): string;
  /** How long soft-deleted records are kept, in milliseconds; `undefined` keeps them for ever. */
  purgeAfter: number | undefined;
}

/** On whose behalf a call is made. */
export interface Caller {
  namespace: string;
}

/** When a record deleted at `deletedAt` is purged; `undefined` if never. */
export function purgeTime(deletedAt: string, purgeAfter: number | undefined): string | undefined {
  return purgeAfter === undefined
    ? undefined
    : new Date(Date.parse(deletedAt) + purgeAfter).toISOString();
}
