import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended, MessageStore } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { isDuplicateKey, isUnsupported, unavailable } from '../connection/errors.ts';
import { type Connection, type Deployment, OPERATION_TIMEOUT_MS } from '../connection/index.ts';
import { sessionLockKey } from '../keyed-mutex.ts';
import { appendInCommand, currentHead } from './command.ts';
import type { SessionHeadCache } from './session-head-cache.ts';
import { appendInSteps } from './steps.ts';
import { appendInTransaction, type Orphans } from './transaction.ts';
import { ConflictError } from './writes.ts';

/** How often an append begins anew before it gives up; each time, another caller got ahead. */
const MAX_ATTEMPTS = 100;

/** How much longer an append may take for each term that it brings, in milliseconds. */
const TIMEOUT_PER_TERM_MS = 0.03;

/** Appending, in the shortest way that is open. */
export function createAppend(
  connection: Connection,
  ends: SessionHeadCache,
): MessageStore['append'] {
  let commandUnsupported = false;

  /**
   * In one command, if that is open: on a replica set, where it is known where the session ends.
   *
   * @param contended others got ahead: a transaction would meet them again
   */
  async function tryCommand(
    { db, deadline, orderedWrites }: Deployment,
    target: SessionRef,
    append: Append,
    orphans: Orphans,
    contended: boolean,
  ): Promise<WriteResult<Appended, Session> | undefined> {
    if (!orderedWrites || commandUnsupported) return undefined;
    const known = ends.take(target) ?? (contended ? await currentHead(db, target) : undefined);
    if (known === undefined) return undefined;
    try {
      const done = await appendInCommand(db, target, known, append, orphans, deadline);
      if (done === undefined) return undefined;
      ends.put(done.head);
      return { applied: true, record: done.record };
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      commandUnsupported = true;
      orphans.own.clear();
      return undefined;
    }
  }

  function attempt(
    deployment: Deployment,
    target: SessionRef,
    append: Append,
    orphans: Orphans,
    contended: boolean,
  ): Promise<WriteResult<Appended, Session>> {
    const { db, deadline, transactions } = deployment;
    return connection.runExclusive(sessionLockKey(target), deadline, async () => {
      if (!transactions) return appendInSteps(db, target, append);
      const done = await tryCommand(deployment, target, append, orphans, contended);
      if (done !== undefined) return done;
      if (Date.now() > deadline) throw unavailable(new Error('no time for a transaction'));
      const { head, ...change } = await connection.transaction((session) =>
        appendInTransaction(db, target, append, orphans, session),
      );
      if (head !== undefined) ends.put(head);
      return change;
    });
  }

  return (reach, session_id, append) => {
    const target = { ...reach, session_id };
    const orphans: Orphans = { inTheWay: false, own: new Map() };
    let { hasClientUuids } = append;
    let attempts = 0;
    const terms = append.messages.reduce((sum, message) => sum + message.terms.length, 0);
    const patience = OPERATION_TIMEOUT_MS + terms * TIMEOUT_PER_TERM_MS;
    return connection.run(async (deployment) => {
      for (let count = 1; ; count++) {
        try {
          const once = { ...append, hasClientUuids };
          return await attempt(deployment, target, once, orphans, attempts++ > 0);
        } catch (error) {
          // Whatever this attempt did may have got through: from now on, look before writing.
          hasClientUuids = true;
          if (isDuplicateKey(error)) orphans.inTheWay = true;
          else if (!(error instanceof ConflictError)) throw error;
          if (count === MAX_ATTEMPTS) throw unavailable(error);
        }
        await delay(Math.random() * Math.min(count, 10));
      }
    }, patience);
  };
}
