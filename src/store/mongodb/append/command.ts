import { setTimeout as delay } from 'node:timers/promises';
import type { Db, MongoClientBulkWriteError } from 'mongodb';
import { jsonBytes } from '../../../domain/metadata.ts';
import type { Append, Appended } from '../../message-port.ts';
import { findSession, type SessionRef } from '../access-scope.ts';
import { bulkWriteFailure, isDuplicateKey } from '../connection/errors.ts';
import { type MessageDocument, messagesOf, type SessionHead, sessionsOf } from '../documents.ts';
import { toAppended, toMessageDocument, toPositions, toSessionHead } from '../records.ts';
import { findExisting } from './existing-messages.ts';
import type { Orphans } from './orphans.ts';

/**
 * How often an append that finds its first place taken waits for the session's end to move. Usually
 * another command has written its messages and is about to move the end. After that they are orphans.
 */
const MAX_WAITS = 6;

/** The longest that the first wait takes; each further one takes twice as long. */
const FIRST_WAIT_MS = 5;

/** An estimate of what one command may bring, below half of the 48 MB that a server takes. */
const COMMAND_MAX_BYTES = 20_000_000;

/**
 * The server gives a command up this long before its caller stops waiting. Without a limit it would
 * wait for any transaction that has written the session, and messages would appear when nobody expects
 * them any more.
 */
const SERVER_LEAD_MS = 1000;

/** A command that has less time than this is not sent. */
const MIN_COMMAND_MS = 100;

/**
 * Appends new messages in one command: inserts them, then moves the end of the session behind them if
 * it still is where they begin. Until that last write nothing reads the messages, so that a crash
 * leaves at most orphans behind the end. The next append that meets them removes them.
 *
 * This is an ordered `bulkWrite` on one replica set
 * (https://www.mongodb.com/docs/manual/reference/command/bulkWrite/). When a primary fails, its
 * last writes may be lost, but none that came before a write that stays.
 *
 * @param known where the session ended when it was last seen
 * @param orphans records what this may leave behind
 * @param deadline when the caller stops waiting, in milliseconds since 1970
 * @returns `undefined` when it takes a transaction: the session is not live any more, orphans are in the
 *   way, some of the messages are there already, they are too large for one command, or the time is too
 *   short for one
 */
export async function appendInCommand(
  db: Db,
  ref: SessionRef,
  known: SessionHead,
  append: Append,
  orphans: Orphans,
  deadline: number,
): Promise<{ appended: Appended; head: SessionHead } | undefined> {
  if (estimatedBytes(append) > COMMAND_MAX_BYTES) return undefined;
  const at = new Date(append.at);
  for (let head = known; ; ) {
    const { _id, last_seq } = head;
    // Only a transaction removes what an earlier attempt left in a session that is gone.
    if ([...orphans.own.keys()].some((uuid) => uuid !== _id)) return undefined;
    if (append.hasClientUuids && (await someExist(db, head, append))) return undefined;
    const documents = append.messages.map((message, i) =>
      toMessageDocument(head, last_seq + 1 + i, message, at),
    );
    const maxTimeMS = Math.floor(deadline - SERVER_LEAD_MS - Date.now());
    if (maxTimeMS < MIN_COMMAND_MS) return undefined;

    const earlier = orphans.own.get(_id);
    orphans.own.set(_id, earlier ?? last_seq);
    const written = await write(db, head, documents, at, maxTimeMS);
    if (written === 'some') return undefined;
    if (written === 'all') {
      const after = headAfter(head, documents.length, at);
      return { appended: toAppended(after, toPositions(append, documents)), head: after };
    }

    const moved = await waitForMove(db, ref, head);
    if (moved === 'unmoved') return undefined;
    // Nothing was written, so that this attempt left no orphans.
    if (earlier === undefined) orphans.own.delete(_id);
    if (moved === 'gone') return undefined;
    head = moved;
  }
}

/**
 * Whether some of the messages are stored already. Includes those behind the known end, which may have
 * moved; whatever is written there later moves it, and the command does not apply.
 */
async function someExist(db: Db, head: SessionHead, append: Append): Promise<boolean> {
  const { live, retired } = await findExisting(db, head, Number.POSITIVE_INFINITY, append);
  return live.size + retired.length > 0;
}

/** @returns `some` unless all messages were written and the end was moved, or nothing was written */
async function write(
  db: Db,
  head: SessionHead,
  documents: readonly MessageDocument[],
  at: Date,
  maxTimeMS: number,
): Promise<'all' | 'some' | 'nothing'> {
  const { _id, namespace, session_id, first_seq, last_seq, summarized } = head;
  const filter = {
    ...{ _id, namespace, session_id, live: true, last_seq },
    // The answer repeats these, so that they have to hold. `null` matches a session without a summary.
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

/** Waits until the session ends elsewhere than at `head`, and returns its head then. */
async function waitForMove(
  db: Db,
  ref: SessionRef,
  { _id, last_seq }: SessionHead,
): Promise<SessionHead | 'gone' | 'unmoved'> {
  for (let waits = 0; ; waits++) {
    const current = await currentHead(db, ref);
    if (current === undefined) return 'gone';
    if (current._id !== _id || current.last_seq !== last_seq) return current;
    if (waits === MAX_WAITS) return 'unmoved';
    await delay((0.5 + 0.5 * Math.random()) * FIRST_WAIT_MS * 2 ** waits);
  }
}

/** The head of a session in scope that is live. */
export async function currentHead(db: Db, ref: SessionRef): Promise<SessionHead | undefined> {
  const found = await findSession(db, ref, { live: true }, { metadata: 0, retired: 0 });
  return found === null ? undefined : toSessionHead(found);
}

function headAfter(head: SessionHead, count: number, at: Date): SessionHead {
  const { last_seq, last_message_at = at } = head;
  return {
    ...head,
    last_seq: last_seq + count,
    last_message_at: last_message_at > at ? last_message_at : at,
  };
}

/** About how many bytes the messages take in a command; rather too many than too few. */
function estimatedBytes({ messages }: Append): number {
  let bytes = 0;
  for (const { content, metadata, terms } of messages) {
    // A UTF-16 unit takes up to three bytes of UTF-8, and BSON up to six times the bytes of JSON.
    bytes += 1000 + 3 * content.length + 6 * jsonBytes(metadata);
    for (const term of terms) bytes += 16 + 3 * term.length;
  }
  return bytes;
}
