import { type Db, MongoBulkWriteError } from 'mongodb';
import type { Session } from '../../domain/records.ts';
import type { Append, Appended, Change } from '../store.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  toSession,
} from './documents.ts';
import { isDuplicateKey } from './errors.ts';
import type { Target } from './scope.ts';
import { endOf, toAppended } from './thread-end.ts';
import {
  advance,
  findExisting,
  Outdated,
  placesOf,
  replaceExisting,
  type ThreadKey,
  toDocuments,
} from './thread-writes.ts';

/**
 * Appends without a transaction: messages are inserted one behind the other, under the unique index
 * on their order, and the session is brought up to date afterwards. After a crash in between, the
 * next append goes on where the messages end.
 */
export async function appendInSteps(
  db: Db,
  target: Target,
  append: Append,
): Promise<Change<Appended, Session>> {
  const begun = await advance(db, target, append, 0);
  if (begun === undefined) return { applied: false, found: undefined };
  if (begun.user_deleted) return { applied: false, found: toSession(begun) };
  const end = endOf(begun);
  const { namespace, session_id, thread } = end;
  const key = { namespace, session_id, thread };
  const existing = await findExisting(db, key, Number.POSITIVE_INFINITY, append);
  await replaceExisting(db, existing, append);

  const added: MessageDocument[] = [];
  const pending = append.messages.filter(({ uuid }) => !existing.has(uuid));
  while (pending.length > 0) {
    const next = (await lastSeq(db, key, begun.last_seq)) + 1;
    const documents = toDocuments(end, next, pending, append.at);
    const inserted = await insertInOrder(db, documents);
    added.push(...documents.slice(0, inserted));
    pending.splice(0, inserted);
  }
  const messages = placesOf(append, existing, added);
  const document = await settle(db, key, Math.max(...messages.map(({ seq }) => seq)), append.at);
  return { applied: true, record: toAppended(endOf(document), messages) };
}

/** The end of a thread, which lies at `known` or, after a crash, behind it. */
async function lastSeq(db: Db, key: ThreadKey, known: number): Promise<number> {
  const last = await messagesOf(db).findOne(
    { ...key, seq: { $gt: known } },
    { sort: { seq: -1 }, projection: { seq: 1 } },
  );
  return last?.seq ?? known;
}

/** Inserts one after the other and says how many, up to the first place that is taken. */
async function insertInOrder(db: Db, documents: MessageDocument[]): Promise<number> {
  try {
    return (await messagesOf(db).insertMany(documents)).insertedCount;
  } catch (error) {
    if (error instanceof MongoBulkWriteError && isDuplicateKey(error)) {
      const { insertedCount } = error.result;
      const refused = documents[insertedCount] as MessageDocument;
      const { namespace, session_id, thread, seq } = refused;
      const taken = await messagesOf(db).findOne({ namespace, session_id, thread, seq });
      if (taken !== null && taken.uuid !== refused.uuid) return insertedCount;
    }
    throw error;
  }
}

/** Brings a session up to date with its messages, unless it has begun another thread. */
async function settle(
  db: Db,
  key: ThreadKey,
  last: number,
  time: string,
): Promise<SessionDocument> {
  const at = new Date(time);
  const document = await sessionsOf(db).findOneAndUpdate(
    key,
    { $max: { last_seq: last, updated_at: at, last_message_at: at } },
    { returnDocument: 'after' },
  );
  if (document === null) throw new Outdated();
  return document;
}
