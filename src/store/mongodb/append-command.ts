import { setTimeout as delay } from 'node:timers/promises';
import type { Db, MongoClientBulkWriteError } from 'mongodb';
import { jsonBytes } from '../../domain/metadata.ts';
import type { Append, Appended } from '../store.ts';
import type { Strays } from './append-transaction.ts';
import { type MessageDocument, messagesOf, sessionsOf } from './documents.ts';
import { bulkWriteFailure, isDuplicateKey } from './errors.ts';
import { findReached, type Target } from './scope.ts';
import { endOf, type ThreadEnd, toAppended } from './thread-end.ts';
import { findExisting, placesOf, toDocuments } from './thread-writes.ts';

/**
 * How often an append finds the place behind the end taken, and the end where it was, before it takes
 * that for a stray: mostly it is somebody's command that has not come to the session yet.
 */
const MAX_WAITS = 6;

/** How long it waits the first time, at the most, in milliseconds; then twice as long every time. */
const FIRST_WAIT = 5;

/** About how many bytes one command may bring: less than half of what the server takes in a message. */
const COMMAND_MAX_BYTES = 20_000_000;

/**
 * How long before its caller the server gives up a command, in milliseconds. It would wait for the
 * session as long as a transaction that has it: the messages would appear when nobody expects them.
 */
const LEAD_MS = 1000;

/** How much time a command has to have, in milliseconds. */
const LEAST_MS = 100;

/**
 * Appends new messages in one command: the messages, and then the session, if its thread still ends
 * where they begin. Before that last write they are not part of anything that is read, so that a
 * crash leaves nothing but strays behind the end, which the next append removes that meets them.
 *
 * It takes an ordered `bulkWrite` (https://www.mongodb.com/docs/manual/reference/command/bulkWrite/) on
 * one replica set, where a primary that fails can lose what came last, and nothing before it.
 *
 * @param known where the session's thread ended when it was last seen
 * @param strays is told of whatever this may leave behind
 * @param deadline when the caller stops waiting, in milliseconds since 1970
 * @returns `undefined` when it takes a transaction: the session is not live any more, something is in
 *   the way, some of the messages are there already, they are too large for a command, or the time is
 *   too short for one
 */
export async function appendInCommand(
  db: Db,
  target: Target,
  known: ThreadEnd,
  append: Append,
  strays: Strays,
  deadline: number,
): Promise<{ record: Appended; end: ThreadEnd } | undefined> {
  if (bytesOf(append) > COMMAND_MAX_BYTES) return undefined;
  // Behind the end, too: it may have moved. One that comes to be there later has its uuid in the way.
  const there = await findExisting(db, known, Number.POSITIVE_INFINITY, append);
  if (there.size > 0) return undefined;
  for (let end: ThreadEnd | undefined = known; end !== undefined; ) {
    const { thread, last_seq }: ThreadEnd = end;
    // What an earlier attempt left in another thread takes a transaction to remove.
    if ([...strays.own.keys()].some((left) => left !== thread)) return undefined;
    const documents = toDocuments(end, last_seq + 1, append.messages, append.at);
    const maxTimeMS = Math.floor(deadline - LEAD_MS - Date.now());
    if (maxTimeMS < LEAST_MS) return undefined;
    const earlier = strays.own.get(thread);
    strays.own.set(thread, earlier ?? last_seq);
    const written = await write(db, end, documents, append.at, maxTimeMS);
    if (written === 'some') return undefined;
    if (written === 'all') {
      const reached = endAfter(end, documents.length, append.at);
      return { record: toAppended(reached, placesOf(append, there, documents)), end: reached };
    }
    let current: ThreadEnd | undefined = await currentEnd(db, target);
    for (let waits = 0; current?.thread === thread && current.last_seq === last_seq; waits++) {
      if (waits === MAX_WAITS) return undefined;
      await delay((0.5 + 0.5 * Math.random()) * FIRST_WAIT * 2 ** waits);
      current = await currentEnd(db, target);
    }
    if (earlier === undefined) strays.own.delete(thread);
    end = current;
  }
  return undefined;
}

/** How much was written: `some`, if it was not all of the messages, or the end had moved meanwhile. */
async function write(
  db: Db,
  end: ThreadEnd,
  documents: readonly MessageDocument[],
  time: string,
  maxTimeMS: number,
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
    const { matchedCount } = await db.client.bulkWrite<Record<string, { _id: string }>>(
      [
        ...documents.map((document) => ({
          ...{ name: 'insertOne' as const, namespace: messages, document },
        })),
        { name: 'updateOne', namespace: sessionsOf(db).namespace, filter, update },
      ],
      { maxTimeMS },
    );
    return matchedCount === 1 ? 'all' : 'some';
  } catch (error) {
    const failure = bulkWriteFailure(error);
    if (!isDuplicateKey(failure)) throw failure;
    const { partialResult } = error as MongoClientBulkWriteError;
    return partialResult?.insertedCount === 0 ? 'nothing' : 'some';
  }
}

function endAfter(end: ThreadEnd, count: number, time: string): ThreadEnd {
  const at = new Date(time);
  const { last_seq, last_message_at = at } = end;
  return {
    ...end,
    last_seq: last_seq + count,
    last_message_at: last_message_at > at ? last_message_at : at,
  };
}

/** Where the thread of a session ends, if it is in reach, live, and has one. */
export async function currentEnd(db: Db, target: Target): Promise<ThreadEnd | undefined> {
  const found = await findReached(db, target, { live: true }, { metadata: 0, left: 0 });
  return found?.thread === undefined ? undefined : endOf(found);
}

/** About how many bytes the messages take on the way to the server, rather more than less. */
function bytesOf({ messages }: Append): number {
  let bytes = 0;
  for (const { content, metadata, terms } of messages) {
    // UTF-8 takes three for a character of JavaScript, and BSON six times what JSON takes.
    bytes += 1000 + 3 * content.length + 6 * jsonBytes(metadata);
    for (const term of terms) bytes += 16 + 3 * term.length;
  }
  return bytes;
}
