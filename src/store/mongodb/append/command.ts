import { setTimeout as delay } from 'node:timers/promises';
import type { Db, MongoClientBulkWriteError } from 'mongodb';
import { jsonBytes } from '../../../domain/metadata.ts';
import type { Append, Appended } from '../../message-port.ts';
import { findSession, type SessionRef } from '../access-scope.ts';
import { bulkWriteFailure, isDuplicateKey } from '../connection/errors.ts';
import { type MessageDocument, messagesOf, sessionsOf } from '../documents.ts';
import { headOf, type SessionHead, toAppended } from './session-head.ts';
import type { Orphans } from './transaction.ts';
import { findExisting, positionsOf, toDocuments } from './writes.ts';

/**
 * How often an append finds the place behind the end taken, and the end where it was, before it takes
 * that for an orphan: mostly it is somebody's command that has not come to the session yet.
 */
const MAX_WAITS = 6;

/** How long it waits the first time, at the most, in milliseconds; then twice as long every time. */
const FIRST_WAIT_MS = 5;

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
 * Appends new messages in one command: the messages, and then the session, if it still ends where they
 * begin. Before that last write they are not part of anything that is read, so that a crash leaves
 * nothing but orphans behind the end, which the next append removes that meets them.
 *
 * It takes an ordered `bulkWrite` (https://www.mongodb.com/docs/manual/reference/command/bulkWrite/) on
 * one replica set, where a primary that fails can lose what came last, and nothing before it.
 *
 * @param known where the session ended when it was last seen
 * @param orphans is told of whatever this may leave behind
 * @param deadline when the caller stops waiting, in milliseconds since 1970
 * @returns `undefined` when it takes a transaction: the session is not live any more, something is in
 *   the way, some of the messages are there already, they are too large for a command, or the time is
 *   too short for one
 */
export async function appendInCommand(
  db: Db,
  target: SessionRef,
  known: SessionHead,
  append: Append,
  orphans: Orphans,
  deadline: number,
): Promise<{ record: Appended; head: SessionHead } | undefined> {
  if (bytesOf(append) > COMMAND_MAX_BYTES) return undefined;
  for (let head: SessionHead | undefined = known; head !== undefined; ) {
    const { _id, last_seq }: SessionHead = head;
    // What an earlier attempt left in a session that is gone takes a transaction to remove.
    if ([...orphans.own.keys()].some((uuid) => uuid !== _id)) return undefined;
    // Behind the end, too: it may have moved. Whatever comes to be there later moves it.
    const there = await findExisting(db, head, Number.POSITIVE_INFINITY, append);
    if (there.live.size + there.retired.length > 0) return undefined;
    const documents = toDocuments(head, last_seq + 1, append.messages, append.at);
    const maxTimeMS = Math.floor(deadline - LEAD_MS - Date.now());
    if (maxTimeMS < LEAST_MS) return undefined;
    const earlier = orphans.own.get(_id);
    orphans.own.set(_id, earlier ?? last_seq);
    const written = await write(db, head, documents, append.at, maxTimeMS);
    if (written === 'some') return undefined;
    if (written === 'all') {
      const reached = headAfter(head, documents.length, append.at);
      return {
        record: toAppended(reached, positionsOf(append, there.live, documents)),
        head: reached,
      };
    }
    let current: SessionHead | undefined = await currentHead(db, target);
    for (let waits = 0; current?._id === _id && current.last_seq === last_seq; waits++) {
      if (waits === MAX_WAITS) return undefined;
      await delay((0.5 + 0.5 * Math.random()) * FIRST_WAIT_MS * 2 ** waits);
      current = await currentHead(db, target);
    }
    if (earlier === undefined) orphans.own.delete(_id);
    head = current;
  }
  return undefined;
}

/** How much was written: `some`, if it was not all of the messages, or the end had moved meanwhile. */
async function write(
  db: Db,
  head: SessionHead,
  documents: readonly MessageDocument[],
  time: string,
  maxTimeMS: number,
): Promise<'all' | 'some' | 'nothing'> {
  const at = new Date(time);
  const { _id, namespace, session_id, first_seq, last_seq, summarized } = head;
  const filter = {
    ...{ _id, namespace, session_id, live: true, last_seq },
    // What is known of it is part of the answer. `null` stands for none.
    ...{ first_seq, 'summary.up_to_seq': summarized ?? null },
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

function headAfter(head: SessionHead, count: number, time: string): SessionHead {
  const at = new Date(time);
  const { last_seq, last_message_at = at } = head;
  return {
    ...head,
    last_seq: last_seq + count,
    last_message_at: last_message_at > at ? last_message_at : at,
  };
}

/** Where a session ends, if it is in reach and live. */
export async function currentHead(db: Db, target: SessionRef): Promise<SessionHead | undefined> {
  const found = await findSession(db, target, { live: true }, { metadata: 0, retired: 0 });
  return found === null ? undefined : headOf(found);
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
