import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import { createFactAccess } from '../facts/access.ts';
import { coverageMessage, coverageOf } from '../facts/coverage.ts';
import { holdLease, LEASE_MS, type LeaseLost, namespaceLease } from './lease.ts';
import { sessionPages } from './pages.ts';

const PAGE = 100;

/** How long it waits for a batch of the namespace to be read, in milliseconds. */
const PATIENCE_MS = 120_000 + LEASE_MS;
const RETRY_MS = 500;

/**
 * Has facts extracted anew from all sessions of a user. Facts that are known stay: those that are extracted
 * again are the same.
 *
 * @returns the number of sessions that will be read again
 * @throws ServiceError NOT_FOUND if there is no such user; DomainError UNAVAILABLE if facts are being extracted
 *   in the namespace for too long
 */
export async function rebuildFacts(
  deps: Dependencies,
  namespace: string,
  user_id: string,
): Promise<number> {
  const access = createFactAccess(deps);
  const caller = { namespace };
  const { store, place } = await access.open(caller, user_id);
  const name = namespaceLease(namespace);
  const holder = deps.newUuid();
  let lost: LeaseLost | undefined;
  const take = () =>
    holdLease(store, name, holder, (error) => {
      lost = error;
    });
  let lease = await take();
  for (let waited = 0; lease === undefined; waited += RETRY_MS) {
    if (waited > PATIENCE_MS) {
      throw new DomainError(
        'UNAVAILABLE',
        'Facts are being extracted in this namespace, and nothing was changed. Repeat the command later.',
      );
    }
    await sleep(RETRY_MS);
    lease = await take();
  }
  try {
    let count = 0;
    const order = { user_id, order_by: 'created_at', order: 'asc' } as const;
    for await (const { sessions } of sessionPages(store, namespace, order, PAGE)) {
      const uuids = sessions.map(({ uuid }) => uuid);
      const through = await coverageOf(place, uuids, ['model']);
      const covered = sessions.filter(({ uuid }) => through.has(uuid));
      if (lost !== undefined) throw lost;
      if (covered.length > 0) {
        const reset = covered.map((session) => coverageMessage(session, 'model', 0));
        await access.append(caller, user_id, reset);
      }
      count += sessions.length;
    }
    // Whoever extracts looks through the whole namespace again.
    await lease.save({});
    return count;
  } finally {
    await lease.release();
  }
}
