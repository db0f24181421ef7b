import { DomainError } from '../../../domain/errors.ts';
import type { MessageStore } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { OPERATION_TIMEOUT_MS } from '../connection/client.ts';
import { isTransient } from '../connection/errors.ts';
import { GroupQueue } from '../connection/group-queue.ts';
import type { Connection, Deployment } from '../connection/index.ts';
import { sessionLockKey } from '../documents.ts';
import { takeGroup, type Waiting, writeTogether } from './group-write.ts';
import type { SessionHeadCache } from './session-head.ts';

/** How much longer an append may take for each term that it brings, in milliseconds. */
const TIMEOUT_PER_TERM_MS = 0.03;

/**
 * Appending. The session's document is the commit record: messages are inserted behind its head
 * (`last_seq`), where nobody reads them, and then one conditional update of the session moves the head.
 * With `bulkWrite`, both are one ordered command
 * (https://www.mongodb.com/docs/manual/reference/command/bulkWrite/).
 *
 * The update names the head as it was known. The `_id` of a message is its position, so a position is
 * taken once. A message behind a head that does not move is an orphan. The next writer that meets one
 * increases the session's `fence`, which the update of the orphan's writer names as well, and then
 * removes the orphan. A message has the fence that it was written under: nothing newer is removed.
 *
 * | killed after | what is left | who cleans up |
 * | --- | --- | --- |
 * | some or all inserts | orphans behind the head | the next append that meets them, or the purge of the session |
 * | the inserts of a new session | orphans without a session | the sweep, `purge/orphans.ts` |
 * | the fence, or part of the removal | orphans that cannot be committed | the next append, by another fence |
 * | updates in place (all in one transaction, if there are any) | those; on a standalone, some | the caller's retry |
 * | the head's update | nothing: it is done | |
 */
export function createAppend(
  connection: Connection,
  heads: SessionHeadCache,
): MessageStore['append'] {
  const queue = new GroupQueue(takeGroup);
  const server = { refusesBulkWrite: false };

  function join(deployment: Deployment, target: SessionRef, one: Waiting): void {
    const again = (other: Waiting) => join(deployment, target, other);
    const alone = (other: Waiting) => again({ ...other, alone: true });
    const transaction = connection.transaction.bind(connection);
    const limitTime = connection.limitTime.bind(connection);
    const shared = { heads, server, transaction, limitTime };
    const context = { ...deployment, ...shared, target, alone };
    const write = async (members: Waiting[]) => {
      try {
        await writeTogether(context, members);
      } catch (error) {
        const together = members.length > 1;
        for (const other of members.toReversed()) {
          // One of them has no time left, or is wrong. The others may still succeed.
          if (together && error instanceof DomainError) again({ ...other, failed: error.cause });
          else if (together && !isTransient(error)) alone({ ...other, failed: error });
          else other.reject(error);
        }
      }
    };
    void queue.join(sessionLockKey(target), one, write, one.alone);
  }

  return (reach, session_id, append) => {
    const target = { ...reach, session_id };
    const terms = append.messages.reduce((sum, message) => sum + message.terms.length, 0);
    const patience = OPERATION_TIMEOUT_MS + terms * TIMEOUT_PER_TERM_MS;
    let failed: unknown;
    return connection.run(
      (deployment) =>
        new Promise((resolve, reject) => {
          const fail = (error: unknown) => {
            failed = error;
            reject(error);
          };
          const { deadline } = deployment;
          join(deployment, target, { append, deadline, failed, resolve, reject: fail });
        }),
      patience,
    );
  };
}
