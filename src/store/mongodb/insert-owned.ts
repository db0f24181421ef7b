import { isDuplicateKey } from './connection/errors.ts';
import type { Connection, Deployment } from './connection/index.ts';
import { type SessionDocument, sessionsOf, userLockKey, usersOf } from './documents.ts';

type Outcome = 'added' | 'user_missing';

/** A session that waits to be added. */
interface Waiting {
  document: SessionDocument;
  /** When its caller stops waiting, in milliseconds since 1970. */
  deadline: number;
  settled: boolean;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** How many sessions one transaction adds. */
const MAX_GROUP = 100;

/**
 * Adds sessions under users. A user cannot be deleted between the check and the insertion. Sessions of one
 * user that are added at the same time share a transaction: each writes the user, and the server would
 * turn all but one of them back.
 *
 * @returns a function that adds a session which has a user
 */
export function createInsertOwned(
  connection: Connection,
): (deployment: Deployment, document: SessionDocument) => Promise<Outcome> {
  const queues = new Map<string, Waiting[]>();

  async function addTogether(deployment: Deployment, group: Waiting[]): Promise<void> {
    const { db } = deployment;
    const documents = group.map(({ document }) => document);
    const owner = ownerOf(documents[0] as SessionDocument);
    // A write, so that a deletion of the user at the same time conflicts with it.
    const touch = { $inc: { sessions_added: group.length } };
    const settle = (apply: (one: Waiting) => void) => {
      for (const one of group) {
        one.settled = true;
        apply(one);
      }
    };
    try {
      const outcome = await connection.transaction(async (session): Promise<Outcome> => {
        const { matchedCount } = await usersOf(db).updateOne(owner, touch, { session });
        if (matchedCount === 0) return 'user_missing';
        await sessionsOf(db).insertMany(documents, { session });
        return 'added';
      });
      settle(({ resolve }) => resolve(outcome));
    } catch (error) {
      // One of them is there already. The others can still be added.
      const isOneOfMany = isDuplicateKey(error) && group.length > 1;
      if (!isOneOfMany) return settle(({ reject }) => reject(error));
      for (const one of group) await addTogether(deployment, [one]);
    }
  }

  /** Without transactions: whoever deletes the user meanwhile may not have seen the session. */
  async function addAlone({ db }: Deployment, document: SessionDocument): Promise<Outcome> {
    const userIsLive = async () => (await usersOf(db).findOne(ownerOf(document))) !== null;
    if (!(await userIsLive())) return 'user_missing';
    await sessionsOf(db).insertOne(document);
    if (await userIsLive()) return 'added';
    await sessionsOf(db).deleteOne({ _id: document._id, last_seq: 0 });
    return 'user_missing';
  }

  return async (deployment, document) => {
    if (!deployment.transactions) return addAlone(deployment, document);
    const { namespace, user_id } = ownerOf(document);
    const key = userLockKey(namespace, user_id);
    const queue = queues.get(key) ?? [];
    queues.set(key, queue);
    return new Promise((resolve, reject) => {
      const { deadline } = deployment;
      const one: Waiting = { document, deadline, settled: false, resolve, reject };
      queue.push(one);
      const takeTurn = async () => {
        if (one.settled) return;
        const group = queue.splice(0, MAX_GROUP);
        if (queue.length === 0) queues.delete(key);
        // What its caller was told has failed must not be added.
        const inTime = group.filter((other) => other === one || other.deadline > Date.now());
        await addTogether(deployment, inTime);
      };
      connection.runExclusive(key, deadline, takeTurn).catch((error: unknown) => {
        if (queue.includes(one)) queue.splice(queue.indexOf(one), 1);
        reject(error);
      });
    });
  };
}

const ownerOf = ({ namespace, user_id }: SessionDocument) => ({
  ...{ namespace, user_id: user_id as string, live: true },
});
