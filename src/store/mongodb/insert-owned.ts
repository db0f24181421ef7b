import type { Db } from 'mongodb';
import { isDuplicateKey, unavailable } from './connection/errors.ts';
import { GroupQueue, latestDeadline } from './connection/group-queue.ts';
import type { Connection, Deployment } from './connection/index.ts';
import { type SessionDocument, sessionsOf, userLockKey } from './documents.ts';
import { countSessions, isLiveUser, liveUser } from './live-user.ts';

type Outcome = 'added' | 'user_missing';

/** A session that waits to be added. */
interface Waiting {
  document: SessionDocument;
  /** When its caller stops waiting, in milliseconds since 1970. */
  deadline: number;
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
  const queue = new GroupQueue<Waiting>((waiting) => waiting.splice(0, MAX_GROUP));

  async function addTogether(all: readonly Waiting[]): Promise<void> {
    // A session must not be added after its caller was told that this failed.
    const now = Date.now();
    for (const { deadline, reject } of all) if (deadline < now) reject(noTurn());
    const group = all.filter(({ deadline }) => deadline >= now);
    if (group.length === 0) return;
    const db = connection.limitTime(latestDeadline(group));
    const documents = group.map(({ document }) => document);
    const owner = ownerOf(documents[0] as SessionDocument);
    try {
      const outcome = await connection.transaction(async (session): Promise<Outcome> => {
        if (!(await countSessions(db, owner, group.length, session))) return 'user_missing';
        await sessionsOf(db).insertMany(documents, { session });
        return 'added';
      });
      for (const { resolve } of group) resolve(outcome);
    } catch (error) {
      if (!isDuplicateKey(error) || group.length === 1) throw error;
      const taken = await identifiersTaken(db, documents);
      const isTaken = ({ document }: Waiting) => taken.has(document.session_id);
      for (const one of group.filter(isTaken)) one.reject(error);
      const others = group.filter((one) => !isTaken(one));
      if (others.length < group.length) return addTogether(others);
      // Two of them have the same identifier, or what is in the way is not on a majority yet.
      for (const one of group) await addTogether([one]).catch(one.reject);
    }
  }

  /** Without transactions: a deletion of the user meanwhile may have missed the session. */
  async function addAlone({ db }: Deployment, document: SessionDocument): Promise<Outcome> {
    const owner = ownerOf(document);
    if (await isLiveUser(db, owner)) {
      await sessionsOf(db).insertOne(document);
      if (await isLiveUser(db, owner)) return 'added';
    }
    // Also the session of an earlier attempt that failed before it looked at the user again.
    await sessionsOf(db).deleteOne({ _id: document._id, last_seq: 0 });
    return 'user_missing';
  }

  return async (deployment, document) => {
    if (!deployment.transactions) return addAlone(deployment, document);
    const { namespace, user_id } = ownerOf(document);
    const key = userLockKey(namespace, user_id);
    // Facts are in a namespace of their own.
    const groupKey = userLockKey(document.namespace, user_id);
    const add = (group: Waiting[]) =>
      connection
        .runExclusive(key, latestDeadline(group), () => addTogether(group))
        .catch((error: unknown) => {
          for (const { reject } of group) reject(error);
        });
    return new Promise((resolve, reject) => {
      void queue.join(groupKey, { document, deadline: deployment.deadline, resolve, reject }, add);
    });
  };
}

const noTurn = () => unavailable(new Error('no turn in time'));

/** Those of the sessions' identifiers that a session has, live or deleted. */
async function identifiersTaken(db: Db, documents: SessionDocument[]): Promise<Set<string>> {
  const namespace = documents[0]?.namespace as string;
  const session_id = { $in: documents.map((document) => document.session_id) };
  const found = await sessionsOf(db)
    .find({ namespace, session_id }, { projection: { session_id: 1 } })
    .toArray();
  return new Set(found.map((document) => document.session_id));
}

const ownerOf = ({ namespace, user_id }: SessionDocument) => liveUser(namespace, user_id as string);
