import { setTimeout as delay } from 'node:timers/promises';
import type { Append, Appended, Change, MessageStore, NewMessage } from '../store.ts';
import { type Connection, type Deployment, PATIENCE } from './connection.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  toConversation,
} from './documents.ts';
import { isDuplicateKey, unavailable } from './errors.ts';
import { messageId } from './message-id.ts';
import { toStored } from './metadata.ts';
import {
  advance,
  type Existing,
  findExisting,
  giveBack,
  insertInOrder,
  lastSeq,
  Outdated,
  type Place,
  replaceExisting,
  settle,
  type ThreadKey,
} from './thread-writes.ts';

/** How often an append begins anew before it gives up; each time, another caller got ahead. */
const MAX_ATTEMPTS = 100;

/** How much longer an append may take for each term that it brings, in milliseconds. */
const PATIENCE_PER_TERM = 0.03;

/** Appending: in a transaction, or on a standalone server in steps. */
export function createAppend(connection: Connection): MessageStore['append'] {
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
        toDocument({ ...thread, ...owner(document) }, first + i, message, append.at),
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
      const documents = pending.map((message, i) =>
        toDocument({ ...key, ...owner(begun) }, next + i, message, append.at),
      );
      const inserted = await insertInOrder(db, documents);
      for (const { uuid, seq } of documents.slice(0, inserted)) seqs.set(uuid, seq);
      pending.splice(0, inserted);
    }
    const messages = placed(append, existing, seqs);
    const document = await settle(db, key, Math.max(...messages.map(({ seq }) => seq)), append.at);
    return { applied: true, record: toAppended(document, messages) };
  }

  const appendInTurn: typeof appendInSteps = (deployment, place, append) =>
    connection.inTurn(JSON.stringify(place), deployment.deadline, () =>
      appendInSteps(deployment, place, append),
    );

  return (namespace, sessionId, append) => {
    const place = { namespace, session_id: sessionId };
    let { mayExist } = append;
    let attempts = 0;
    const terms = append.messages.reduce((sum, message) => sum + message.terms.length, 0);
    const patience = PATIENCE + terms * PATIENCE_PER_TERM;
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
    }, patience);
  };
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
  return { ...toConversation(document), thread: document.thread ?? '', messages };
}

/** Whose messages a session has, for them to be found by. */
const owner = ({ user_id }: SessionDocument) => (user_id === undefined ? {} : { user_id });

function toDocument(
  key: ThreadKey & Pick<MessageDocument, 'user_id'>,
  seq: number,
  { uuid, role, content, metadata, token_count, terms }: NewMessage,
  time: string,
): MessageDocument {
  const at = new Date(time);
  return {
    _id: messageId({ thread: key.thread, seq }),
    ...key,
    seq,
    uuid,
    role,
    content,
    metadata: toStored(metadata),
    token_count,
    terms,
    created_at: at,
    updated_at: at,
    revision: 0,
  };
}
