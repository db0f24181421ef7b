import type { Db, MongoClientBulkWriteError } from 'mongodb';
import { jsonBytes } from '../../domain/metadata.ts';
import type { Append, Appended } from '../store.ts';
import { type MessageDocument, messagesOf, sessionsOf } from './documents.ts';
import { bulkWriteFailure, isDuplicateKey } from './errors.ts';
import { endOf, type ThreadEnd, toAppended } from './thread-end.ts';
import { findExisting, placesOf, toDocuments } from './thread-writes.ts';

/** How often an append goes after an end that others move, before it takes a transaction. */
const MAX_TRIES = 3;

/** What one command may bring, in bytes: less than half of what the server takes in a message. */
const COMMAND_MAX_BYTES = 20_000_000;

export type CommandOutcome =
  | { applied: true; record: Appended; end: ThreadEnd }
  | {
      applied: false;
      /** The end of a thread behind which messages may lie that are no part of it. */
      strayed?: ThreadEnd;
    };

/**
 * Appends new messages in one command: the messages, and then the session, if its thread still ends
 * where they begin. Before that last write they are not part of anything that is read, so that a
 * crash leaves nothing but strays behind the end, which the next append removes.
 *
 * It takes an ordered `bulkWrite` (https://www.mongodb.com/docs/manual/reference/command/bulkWrite/) on
 * one replica set, where a primary that fails can lose what came last, and nothing before it.
 *
 * @param known where the thread ended when it was last seen
 * @returns not applied when it takes a transaction: the session is not live any more, some of the
 *   messages are there already, or they are too large for a command
 */
export async function appendInCommand(
  db: Db,
  known: ThreadEnd,
  append: Append,
): Promise<CommandOutcome> {
  if (bytesOf(append) > COMMAND_MAX_BYTES) return { applied: false };
  let end: ThreadEnd | undefined = known;
  for (let tries = 1; end !== undefined && tries <= MAX_TRIES; tries++) {
    const existing = await findExisting(db, end, end.last_seq, append);
    if (existing.size > 0) return { applied: false };
    const documents = toDocuments(end, end.last_seq + 1, append.messages, append.at);
    const written = await write(db, end, documents, append.at);
    if (written === 'all') {
      const moved = behind(end, documents.length, append.at);
      const record = toAppended(moved, placesOf(append, existing, documents));
      return { applied: true, record, end: moved };
    }
    if (written === 'some') return { applied: false, strayed: end };
    const found = await currentEnd(db, end);
    const moved = found?.thread !== end.thread || found.last_seq > end.last_seq;
    // It has not: what is in the way is no part of the thread.
    if (!moved) return { applied: false, strayed: end };
    end = found;
  }
  return { applied: false };
}

/** How much was written: `some`, if the end had moved when it came to the session. */
async function write(
  db: Db,
  end: ThreadEnd,
  documents: readonly MessageDocument[],
  time: string,
): Promise<'all' | 'some' | 'nothing'> {
  const at = new Date(time);
  const { _id, namespace, session_id, thread, last_seq, summarized } = end;
  const filter = {
    ...{ _id, namespace, session_id, thread, live: true, last_seq },
    // What is known of it is part of the answer. `null` stands for none.
    'summary.up_to_seq': summarized ?? null,
  };
  const update = {
    $set: { last_seq: last_seq + documents.length },
    $max: { updated_at: at, last_message_at: at },
  };
  const messages = messagesOf(db).namespace;
  try {
    const { matchedCount } = await db.client.bulkWrite<Record<string, { _id: string }>>([
      ...documents.map((document) => ({
        ...{ name: 'insertOne' as const, namespace: messages, document },
      })),
      { name: 'updateOne', namespace: sessionsOf(db).namespace, filter, update },
    ]);
    return matchedCount === 1 ? 'all' : 'some';
  } catch (error) {
    const failure = bulkWriteFailure(error);
    if (!isDuplicateKey(failure)) throw failure;
    const { partialResult } = error as MongoClientBulkWriteError;
    return partialResult?.insertedCount === 0 ? 'nothing' : 'some';
  }
}

function behind(end: ThreadEnd, count: number, time: string): ThreadEnd {
  const at = new Date(time);
  const { last_seq, last_message_at = at } = end;
  return {
    ...end,
    last_seq: last_seq + count,
    last_message_at: last_message_at > at ? last_message_at : at,
  };
}

async function currentEnd(
  db: Db,
  { namespace, session_id }: ThreadEnd,
): Promise<ThreadEnd | undefined> {
  const options = { projection: { metadata: 0, left: 0 } };
  const found = await sessionsOf(db).findOne({ namespace, session_id, live: true }, options);
  return found?.thread === undefined ? undefined : endOf(found);
}

/** At least as many bytes as the messages take on the way to the server. */
function bytesOf({ messages }: Append): number {
  let bytes = 0;
  for (const { content, metadata, terms } of messages) {
    // UTF-8 takes three for a character of JavaScript, and BSON six times what JSON takes.
    bytes += 1000 + 3 * content.length + 6 * jsonBytes(metadata);
    for (const term of terms) bytes += 16 + 3 * term.length;
  }
  return bytes;
}
