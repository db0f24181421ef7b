import { setTimeout as delay } from 'node:timers/promises';
import type { WriteResult } from '../common-port.ts';
import { LEAD_MS } from './connection/client.ts';
import { isDuplicateKey, unavailable } from './connection/errors.ts';

/** How often to try an update while somebody else keeps changing the document. */
const MAX_ATTEMPTS = 20;

/**
 * Updates a document, or finds it if the update does not apply. These are two commands, and somebody may
 * delete or restore the document between them. Then the document found does not explain the refusal,
 * and the update is tried again.
 *
 * @param update returns `null` if no document matches its condition
 * @param find finds the document in whatever state
 * @param applies whether the update would apply to the document found
 */
export async function updateOrFind<T>(
  update: () => Promise<T | null>,
  find: () => Promise<T | null>,
  applies: (found: T) => boolean,
): Promise<{ applied: true; document: T } | { applied: false; document: T | null }> {
  for (let count = 1; ; count++) {
    const updated = await update();
    if (updated !== null) return { applied: true, document: updated };
    const found = await find();
    if (found === null || !applies(found) || count === MAX_ATTEMPTS) {
      return { applied: false, document: found };
    }
  }
}

/** How long to wait for a record in the way to be visible, in milliseconds. */
const PAUSE_MS = 10;

/**
 * Inserts a record, or finds the one that is in its way. That one may not be on a majority yet, so that
 * reads do not show it: inserting is tried again, until one or the other succeeds.
 *
 * @returns the record in the way; `undefined` if there is none, and `insert` was done
 * @throws DomainError UNAVAILABLE if neither succeeds before the deadline
 */
export async function insertOrFind<T>(
  insert: () => Promise<unknown>,
  find: () => Promise<T | undefined>,
  deadline: number,
): Promise<T | undefined> {
  for (;;) {
    try {
      await insert();
      return undefined;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const found = await find();
      if (found !== undefined) return found;
      if (Date.now() + PAUSE_MS > deadline - LEAD_MS) throw unavailable(error);
    }
    await delay(PAUSE_MS);
  }
}

/** As `insertOrFind`. Finding the record itself means that the answer to an earlier attempt was lost. */
export async function insertRecord<T extends { uuid: string }>(
  record: T,
  insert: () => Promise<unknown>,
  find: () => Promise<T | undefined>,
  deadline: number,
): Promise<WriteResult<T>> {
  const found = await insertOrFind(insert, find, deadline);
  const applied = found === undefined || found.uuid === record.uuid;
  return applied ? { applied, record: found ?? record } : { applied, found };
}
