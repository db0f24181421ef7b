import type { Db } from 'mongodb';
import { isDuplicateKey, unavailable } from './connection/errors.ts';
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

  async function addTogether(all: Waiting[]): Promise<void> {
    // What its caller was told has failed must not be added.
    const late = all.filter(({ deadline }) => deadline < Date.now());
    settle(late, ({ reject }) => reject(unavailable(new Error('no turn in time'))));
    const group = all.filter(({ settled }) => !settled);
    if (group.length === 0) return;
    const db = connection.limitTime(Math.max(...group.map(({ deadline }) => deadline)));
    const documents = group.map(({ document }) => document);
    const owner = ownerOf(documents[0] as SessionDocument);
    // A write, so that a deletion of the user at the same time conflicts with it.
    const touch = { $inc: { sessions_added: group.length } };
    try {
      const outcome = await connection.transaction(async (session): Promise<Outcome> => {
        const { matchedCount } = await usersOf(db).updateOne(owner, touch, { session });
        if (matchedCount === 0) return 'user_missing';
        await sessionsOf(db).insertMany(documents, { session });
        return 'added';
      });
      settle(group, ({ resolve }) => resolve(outcome));
    } catch (error) {
      const refused = ({ reject }: Waiting) => reject(error);
      if (!isDuplicateKey(error) || group.length === 1) return settle(group, refused);
      const taken = await identifiersTaken(db, documents);
      const isTaken = ({ document }: Waiting) => taken.has(document.session_id);
      settle(group.filter(isTaken), refused);
      const others = group.filter((one) => !isTaken(one));
      if (others.length < group.length) return addTogether(others);
      // Two of them have the same identifier, or what is in the way is not on a majority yet.
      for (const one of group) await addTogether([one]);
    }
  }

  /** Without transactions: whoever deletes the user meanwhile may not have seen the session. */
  async function addAlone({ db }: Deployment, document: SessionDocument): Promise<Outcome> {
    const userIsLive = async () => (await usersOf(db).findOne(ownerOf(document))) !== null;
    if (await userIsLive()) {
      await sessionsOf(db).insertOne(document);
      if (await userIsLive()) return 'added';
    }
    // Also what an earlier attempt inserted, which failed before it looked at the user again.
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
        await addTogether(group).catch((error: unknown) => {
          settle(group, (other) => other.reject(error));
        });
      };
      connection.runExclusive(key, deadline, takeTurn).catch((error: unknown) => {
        queue.splice(0, queue.length, ...queue.filter((other) => other !== one));
        if (queue.length === 0 && queues.get(key) === queue) queues.delete(key);
        reject(error);
      });
    });
  };
}

function settle(group: readonly Waiting[], apply: (one: Waiting) => void): void {
  for (const one of group) {
    if (!one.settled) apply(one);
    one.settled = true;
  }
}

/** Those of the sessions' identifiers that a session has, live or deleted. */
async function identifiersTaken(db: Db, documents: SessionDocument[]): Promise<Set<string>> {
  const namespace = documents[0]?.namespace as string;
  const session_id = { $in: documents.map((document) => document.session_id) };
  const found = await sessionsOf(db)
    .find({ namespace, session_id }, { projection: { session_id: 1 } })
    .toArray();
  return new Set(found.map((document) => document.session_id));
}

const ownerOf = ({ namespace, user_id }: SessionDocument) => ({
  ...{ namespace, user_id: user_id as string, live: true },
});
