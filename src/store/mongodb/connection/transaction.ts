import { type ClientSession, type MongoClient, MongoError } from 'mongodb';
import { GUARANTEES } from './client.ts';

const MAX_COMMITS = 3;

/** The option that puts a command into a transaction, if there is one. */
export const inSession = (session: ClientSession | undefined) =>
  session === undefined ? {} : { session };

/** Runs `work` in a transaction, once: repeating it is up to the caller. */
export async function runTransaction<T>(
  client: MongoClient,
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const session = client.startSession();
  try {
    session.startTransaction(GUARANTEES);
    const result = await work(session);
    await commit(session);
    return result;
  } finally {
    if (session.inTransaction()) await session.abortTransaction().catch(() => undefined);
    await session.endSession();
  }
}

/** Commits again when the answer was lost: the server recognises a commit that it has done. */
async function commit(session: ClientSession): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      const unknown =
        error instanceof MongoError && error.hasErrorLabel('UnknownTransactionCommitResult');
      if (!unknown || attempt === MAX_COMMITS) throw error;
    }
  }
}
