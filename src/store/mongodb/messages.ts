import { setTimeout as delay } from 'node:timers/promises';
import { type ClientSession, type Db, type Document, MongoBulkWriteError, ObjectId } from 'mongodb';
import { invalidArgument } from '../../domain/errors.ts';
import {
  type JsonObject,
  jsonBytes,
  METADATA_MAX_BYTES,
  mergePatch,
  metadataTooLarge,
} from '../../domain/metadata.ts';
import { stretchEdge } from '../../domain/pages.ts';
import type { Message } from '../../domain/records.ts';
import type {
  Append,
  Appended,
  Change,
  Conversation,
  FoundMessage,
  MessageStore,
  NewMessage,
  Stretch,
} from '../store.ts';
import { changeOrFind } from './change.ts';
import type { Connection, Deployment } from './connection.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  summariesOf,
  toConversation,
  toSession,
} from './documents.ts';
import { isDuplicateKey, unavailable } from './errors.ts';
import { mergeMetadata } from './merge-patch.ts';
import { fromStored, toStored } from './metadata.ts';

interface Place {
  namespace: string;
  session_id: string;
}

interface ThreadKey extends Place {
  thread: string;
}

/** Messages with the uuids that are to be appended, which are in the thread already. */
type Existing = Map<string, MessageDocument>;

/** Something that was read no longer holds: begin anew. */
class Outdated extends Error {}

/** How often an append begins anew before it gives up; each time, another caller got ahead. */
const MAX_ATTEMPTS = 100;

/** The messages and summaries collections, and what they move in the sessions collection. */
export function mongoMessages(connection: Connection): MessageStore {
  /** All in one transaction: the place in the order is taken first, then filled. */
  function appendAtOnce(
    { db, deadline }: Deployment,
    place: Place,
    append: Append,
  ): Promise<Change<Appended>> {
    const key = JSON.stringify(place);
    return connection.transaction(key, deadline, async (session) => {
      let document = await advance(db, place, append, append.messages.length, session);
      if (document.user_deleted) return { applied: false, found: toAppended(document, []) };
      const thread = { ...place, thread: document.thread as string };
      const existing = await findExisting(db, thread, append, session);
      if (existing.size > 0) {
        document = await giveBack(db, place, existing.size, session);
        await replaceExisting(db, existing, append, session);
      }
      const added = append.messages.filter(({ uuid }) => !existing.has(uuid));
      const first = document.last_seq - added.length + 1;
      const documents = added.map((message, i) =>
        toDocument(thread, first + i, message, append.at),
      );
      if (documents.length > 0) await messagesOf(db).insertMany(documents, { session });
      const seqs = new Map(documents.map(({ uuid, seq }) => [uuid, seq]));
      return { applied: true, record: toAppended(document, placed(append, existing, seqs)) };
    });
  }

  /**
   * Without transactions: messages are inserted one behind the other, under the unique index on their
   * order, and the session is brought up to date afterwards. After a crash in between, the next
   * append goes on where the messages end.
   */
  async function appendInSteps(
    { db }: Deployment,
    place: Place,
    append: Append,
  ): Promise<Change<Appended>> {
    const begun = await advance(db, place, append, 0);
    if (begun.user_deleted) return { applied: false, found: toAppended(begun, []) };
    const key = { ...place, thread: begun.thread as string };
    const existing = await findExisting(db, key, append);
    await replaceExisting(db, existing, append);

    const seqs = new Map<string, number>();
    const pending = append.messages.filter(({ uuid }) => !existing.has(uuid));
    while (pending.length > 0) {
      const next = (await lastSeq(db, key, begun.last_seq)) + 1;
      const documents = pending.map((message, i) => toDocument(key, next + i, message, append.at));
      const inserted = await insertInOrder(db, documents);
      for (const { uuid, seq } of documents.slice(0, inserted)) seqs.set(uuid, seq);
      pending.splice(0, inserted);
    }
    const messages = placed(append, existing, seqs);
    const document = await settle(db, key, Math.max(...messages.map(({ seq }) => seq)), append.at);
    return { applied: true, record: toAppended(document, messages) };
  }

  /** What `work` finds in the thread of a session, if that is live. */
  function withLive(
    place: Place,
    work: (db: Db, thread: ThreadKey) => Promise<MessageDocument | null>,
  ): Promise<FoundMessage> {
    return connection.run(async ({ db }) => {
      const session = await sessionsOf(db).findOne(place);
      if (session === null) return { session: undefined, message: undefined };
      const { thread, live } = session;
      const found = live && thread !== undefined ? await work(db, { ...place, thread }) : null;
      return {
        session: toSession(session),
        message: found === null ? undefined : toMessage(found),
      };
    });
  }

  const appendInTurn: typeof appendInSteps = (deployment, place, append) =>
    connection.inTurn(JSON.stringify(place), deployment.deadline, () =>
      appendInSteps(deployment, place, append),
    );

  return {
    append(namespace, sessionId, append) {
      const place = { namespace, session_id: sessionId };
      let { mayExist } = append;
      let attempts = 0;
      return connection.run(async (deployment) => {
        const attempt = deployment.transactions ? appendAtOnce : appendInTurn;
        for (let count = 1; ; count++) {
          try {
            // A thread that an earlier attempt began may have been left behind since: never twice.
            const thread = `${append.thread}.${attempts++}`;
            return await attempt(deployment, place, { ...append, thread, mayExist });
          } catch (error) {
            // Whatever this attempt did may have got through: from now on, look before writing.
            mayExist = true;
            if (!(error instanceof Outdated) && !isDuplicateKey(error)) throw error;
            if (count === MAX_ATTEMPTS) throw unavailable(error);
          }
          await delay(Math.random() * Math.min(count, 10));
        }
      });
    },

    read(namespace, sessionId, stretch) {
      const place = { namespace, session_id: sessionId };
      return connection.run(async ({ db }) => {
        const document = await sessionsOf(db).findOne(place);
        if (document === null) return undefined;
        const conversation = toConversation(document);
        const { thread } = document;
        const range = rangeOf(conversation, stretch);
        if (thread === undefined || range.$gt >= range.$lte) return { conversation, messages: [] };
        const found = messagesOf(db)
          .find({ ...place, thread, seq: range })
          .sort({ seq: stretch.order === 'asc' ? 1 : -1 });
        const messages: Message[] = [];
        let bytes = 0;
        for await (const document of found) {
          messages.push(toMessage(document));
          bytes += Math.min(4 * document.token_count, stretch.enough.each);
          if (bytes >= stretch.enough.total) break;
        }
        return { conversation, messages };
      });
    },

    find(namespace, sessionId, uuid) {
      return withLive({ namespace, session_id: sessionId }, (db, thread) =>
        messagesOf(db).findOne({ ...thread, uuid }),
      );
    },

    merge(namespace, sessionId, uuid, patch, at) {
      return withLive({ namespace, session_id: sessionId }, (db, thread) =>
        mergeMetadata(messagesOf(db), { ...thread, uuid }, patch, new Date(at)),
      );
    },

    summarize(namespace, sessionId, uuid, { content, up_to_seq, created_at }) {
      const place = { namespace, session_id: sessionId };
      const summary = { content, up_to_seq, created_at: new Date(created_at) };
      const reached = {
        ...place,
        live: true,
        base_seq: { $lt: up_to_seq },
        last_seq: { $gte: up_to_seq },
        $or: [{ summary: { $exists: false } }, { 'summary.up_to_seq': { $lte: up_to_seq } }],
      };
      const applies = (found: SessionDocument) =>
        found.live &&
        found.base_seq < up_to_seq &&
        found.last_seq >= up_to_seq &&
        (found.summary?.up_to_seq ?? 0) <= up_to_seq;

      /** The session first: it decides whether there is anything to put into the history. */
      async function store(db: Db, session?: ClientSession): Promise<SessionDocument | null> {
        const options = { returnDocument: 'after', ...within(session) } as const;
        const document = await sessionsOf(db).findOneAndUpdate(
          reached,
          { $set: { summary } },
          options,
        );
        if (document === null) return null;
        const entry = { $setOnInsert: { ...place, thread: document.thread as string, ...summary } };
        const upsert = { upsert: true, ...within(session) };
        await summariesOf(db).updateOne({ _id: uuid }, entry, upsert);
        return document;
      }

      return connection.run(async (deployment): Promise<Change<Conversation>> => {
        const { db, transactions, deadline } = deployment;
        const key = JSON.stringify(place);
        const { applied, document } = await changeOrFind(
          () =>
            transactions
              ? connection.transaction(key, deadline, (session) => store(db, session))
              : store(db),
          () => sessionsOf(db).findOne(place),
          applies,
        );
        return applied
          ? { applied, record: toConversation(document) }
          : { applied, found: document === null ? undefined : toConversation(document) };
      });
    },
  };
}

/**
 * Moves a session's end by `count` messages, creating or reviving it first if that is needed, in one
 * step. A session whose user is deleted stays as it is.
 */
async function advance(
  db: Db,
  place: Place,
  { at: time, session_uuid, thread }: Append,
  count: number,
  session?: ClientSession,
): Promise<SessionDocument> {
  const at = new Date(time);
  const blocked = { $eq: [{ $type: '$user_deleted' }, 'string'] };
  const begins = { $or: [{ $ne: ['$live', true] }, { $eq: [{ $type: '$thread' }, 'missing'] }] };
  const leaves = { $and: [{ $eq: ['$live', false] }, { $ne: [{ $type: '$thread' }, 'missing'] }] };
  const unless = (condition: unknown, field: string, value: unknown) => ({
    $cond: [condition, { $ifNull: [`$${field}`, '$$REMOVE'] }, value],
  });
  const seq = { $ifNull: ['$last_seq', 0] };
  const moved = count > 0;
  const pipeline: Document[] = [
    {
      $set: {
        _id: { $ifNull: ['$_id', session_uuid] },
        metadata: { $ifNull: ['$metadata', {}] },
        empty: { $cond: [blocked, { $ifNull: ['$empty', '$$REMOVE'] }, '$$REMOVE'] },
        revision: { $ifNull: ['$revision', 0] },
        created_at: { $ifNull: ['$created_at', at] },
        updated_at: unless(blocked, 'updated_at', { $max: ['$updated_at', at] }),
        live: { $not: [blocked] },
        deleted_at: { $cond: [blocked, '$deleted_at', '$$REMOVE'] },
        left: {
          $cond: [
            { $and: [{ $not: [blocked] }, leaves] },
            {
              $concatArrays: [
                { $ifNull: ['$left', []] },
                [{ thread: '$thread', deleted_at: '$deleted_at' }],
              ],
            },
            { $ifNull: ['$left', '$$REMOVE'] },
          ],
        },
        thread: unless(blocked, 'thread', { $cond: [begins, thread, '$thread'] }),
        base_seq: unless(blocked, 'base_seq', { $cond: [begins, seq, '$base_seq'] }),
        last_seq: unless(blocked, 'last_seq', { $add: [seq, count] }),
        summary: {
          $cond: [
            { $and: [{ $not: [blocked] }, begins] },
            '$$REMOVE',
            { $ifNull: ['$summary', '$$REMOVE'] },
          ],
        },
        ...(moved && {
          last_message_at: unless(blocked, 'last_message_at', { $max: ['$last_message_at', at] }),
        }),
      },
    },
  ];
  const document = await sessionsOf(db).findOneAndUpdate(place, pipeline, {
    upsert: true,
    returnDocument: 'after',
    ...(session !== undefined && { session }),
  });
  // An upsert always answers with its document; one server that was tried did not when two met.
  if (document === null) throw new Outdated();
  return document;
}

/** Moves a session's end back over places that were taken for messages that have one. */
async function giveBack(
  db: Db,
  place: Place,
  count: number,
  session: ClientSession,
): Promise<SessionDocument> {
  const document = await sessionsOf(db).findOneAndUpdate(
    place,
    { $inc: { last_seq: -count } },
    { returnDocument: 'after', session },
  );
  return document as SessionDocument;
}

async function findExisting(
  db: Db,
  key: ThreadKey,
  { messages, mayExist }: Append,
  session?: ClientSession,
): Promise<Existing> {
  if (!mayExist) return new Map();
  const found = await messagesOf(db)
    .find({ ...key, uuid: { $in: messages.map(({ uuid }) => uuid) } }, within(session))
    .toArray();
  return new Map(found.map((document) => [document.uuid, document]));
}

/** Updates messages in place, all in one command, if none has changed since it was read. */
async function replaceExisting(
  db: Db,
  existing: Existing,
  { messages, at }: Append,
  session?: ClientSession,
): Promise<void> {
  const updates = messages.flatMap(({ uuid, role, content, metadata, token_count }) => {
    const old = existing.get(uuid);
    if (old === undefined) return [];
    const { _id, namespace, session_id, thread, seq, revision } = old;
    const key = { _id, namespace, session_id, thread, seq };
    const $set = { role, content, token_count, updated_at: new Date(at) };
    // Without metadata to merge, nothing depends on what was read.
    if (Object.keys(metadata).length === 0)
      return [{ updateOne: { filter: key, update: { $set } } }];
    const merged = toStored(mergeWithin(fromStored(old.metadata), metadata));
    const update = { $set: { ...$set, metadata: merged }, $inc: { revision: 1 } };
    return [{ updateOne: { filter: { ...key, revision }, update } }];
  });
  if (updates.length === 0) return;
  const { matchedCount } = await messagesOf(db).bulkWrite(updates, within(session));
  if (matchedCount < updates.length) throw new Outdated();
}

function mergeWithin(metadata: JsonObject, patch: JsonObject): JsonObject {
  const merged = mergePatch(metadata, patch);
  const bytes = jsonBytes(merged);
  if (bytes > METADATA_MAX_BYTES) throw invalidArgument(`metadata: ${metadataTooLarge(bytes)}`);
  return merged;
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

const within = (session: ClientSession | undefined) => (session === undefined ? {} : { session });

/**
 * A stretch as a range bounded at both ends. Sequence numbers have no gaps, so the bound takes the
 * place of a limit, and no sort is left to do, however long the session is.
 */
function rangeOf(
  { first_seq, last_seq }: Conversation,
  { order, limit, after, offset }: Stretch,
): { $gt: number; $lte: number } {
  const edge = stretchEdge({ first_seq, last_seq }, { order, after, offset });
  return order === 'asc'
    ? { $gt: edge, $lte: Math.min(edge + limit, last_seq) }
    : { $gt: Math.max(edge - 1 - limit, first_seq - 1), $lte: edge - 1 };
}

function placed(
  { messages }: Append,
  existing: Existing,
  seqs: ReadonlyMap<string, number>,
): Appended['messages'] {
  return messages.map(({ uuid, given }) => {
    const old = existing.get(uuid);
    return old === undefined
      ? { uuid, seq: seqs.get(uuid) as number, created: true }
      : { uuid, seq: old.seq, created: !given };
  });
}

function toAppended(document: SessionDocument, messages: Appended['messages']): Appended {
  return { ...toConversation(document), messages };
}

function toDocument(
  key: ThreadKey,
  seq: number,
  { uuid, role, content, metadata, token_count }: NewMessage,
  time: string,
): MessageDocument {
  const at = new Date(time);
  return {
    _id: new ObjectId(),
    ...key,
    seq,
    uuid,
    role,
    content,
    metadata: toStored(metadata),
    token_count,
    created_at: at,
    updated_at: at,
    revision: 0,
  };
}

function toMessage(document: MessageDocument): Message {
  const { uuid, session_id, seq, role, content, metadata, token_count } = document;
  return {
    uuid,
    session_id,
    seq,
    role,
    content,
    metadata: fromStored(metadata),
    token_count,
    created_at: document.created_at.toISOString(),
    updated_at: document.updated_at.toISOString(),
  };
}
