import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended, MessageStore } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { OPERATION_TIMEOUT_MS } from '../connection/client.ts';
import { ConflictError, isDuplicateKey, isUnsupported, unavailable } from '../connection/errors.ts';
import type { Connection, Deployment } from '../connection/index.ts';
import { sessionLockKey } from '../connection/keyed-mutex.ts';
import { appendInCommand, currentHead } from './command.ts';
import type { Orphans } from './orphans.ts';
import type { SessionHeadCache } from './session-head-cache.ts';
import { appendInSteps } from './steps.ts';
import { appendInTransaction } from './transaction.ts';

/** After so many conflicts with other writers, an append fails. */
const MAX_ATTEMPTS = 100;

/** An append may take longer for each search term that it brings: the server has to index it. */
const TIMEOUT_PER_TERM_MS = 0.03;

/** One append, as its attempts go on. */
interface Attempt {
  ref: SessionRef;
  append: Append;
  orphans: Orphans;
  /** An earlier attempt failed, most likely because other writers were faster. */
  contended: boolean;
}

/**
 * Appends in the cheapest way that the deployment and the session allow:
 * - in one command, on a replica set, where the end of the session is known;
 * - else in a transaction;
 * - in single steps on a standalone server, which has no transactions.
 */
export function createAppend(
  connection: Connection,
  heads: SessionHeadCache,
): MessageStore['append'] {
  let commandUnsupported = false;

  /** @returns `undefined` where it takes a transaction */
  async function tryCommand(
    { db, deadline, orderedWrites }: Deployment,
    { ref, append, orphans, contended }: Attempt,
  ): Promise<Appended | undefined> {
    if (!orderedWrites || commandUnsupported) return undefined;
    // A transaction would meet the same writers again, and hold them up for longer.
    const known = heads.take(ref) ?? (contended ? await currentHead(db, ref) : undefined);
    if (known === undefined) return undefined;
    try {
      const done = await appendInCommand(db, ref, known, append, orphans, deadline);
      if (done !== undefined) heads.put(done.head);
      return done?.appended;
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      // The server wrote nothing.
      commandUnsupported = true;
      orphans.own.clear();
      return undefined;
    }
  }

  async function tryOnce(
    deployment: Deployment,
    attempt: Attempt,
  ): Promise<WriteResult<Appended, Session>> {
    const { db, deadline, transactions } = deployment;
    const { ref, append, orphans } = attempt;
    if (!transactions) return appendInSteps(db, ref, append);
    const appended = await tryCommand(deployment, attempt);
    if (appended !== undefined) return { applied: true, record: appended };
    if (Date.now() > deadline) throw unavailable(new Error('no time for a transaction'));
    const { head, ...result } = await connection.transaction((session) =>
      appendInTransaction(db, ref, append, orphans, session),
    );
    if (head !== undefined) heads.put(head);
    return result;
  }

  return (scope, session_id, append) => {
    const ref = { ...scope, session_id };
    const orphans: Orphans = { inTheWay: false, own: new Map() };
    let attempt: Attempt = { ref, append, orphans, contended: false };
    const terms = append.messages.reduce((sum, message) => sum + message.terms.length, 0);
    return connection.run(
      async (deployment) => {
        for (let count = 1; ; count++) {
          try {
            return await connection.runExclusive(sessionLockKey(ref), deployment.deadline, () =>
              tryOnce(deployment, attempt),
            );
          } catch (error) {
            // The failed attempt may have been written after all: from now on, look before writing.
            attempt = { ...attempt, append: { ...append, hasClientUuids: true }, contended: true };
            if (isDuplicateKey(error)) orphans.inTheWay = true;
            else if (!(error instanceof ConflictError)) throw error;
            if (count === MAX_ATTEMPTS) throw unavailable(error);
          }
          await delay(Math.random() * Math.min(count, 10));
        }
      },
      OPERATION_TIMEOUT_MS + terms * TIMEOUT_PER_TERM_MS,
    );
  };
}
