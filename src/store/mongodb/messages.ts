import type { ClientSession, Db } from 'mongodb';
import type { Change, Conversation, FoundMessage, MessageStore, Reach } from '../store.ts';
import { createAppend } from './append.ts';
import { changeOrFind } from './change.ts';
import type { Connection } from './connection.ts';
import {
  messagesOf,
  type SessionDocument,
  sessionsOf,
  summariesOf,
  toConversation,
  toMessage,
  toSession,
} from './documents.ts';
import { mergeMetadata } from './merge-patch.ts';
import type { RememberedEnds } from './remembered-ends.ts';
import { reachedStages } from './scope.ts';
import { findLive, readStretch } from './stretches.ts';
import { placeKey, within } from './thread-writes.ts';

/** A session in whatever state it is, that has no such message. */
async function absent(db: Db, reach: Reach, session_id: string): Promise<FoundMessage> {
  const [session] = await sessionsOf(db)
    .aggregate<SessionDocument>(reachedStages(reach, { session_id }))
    .toArray();
  return { session: session && toSession(session), message: undefined };
}

/** The messages and summaries collections, and what they move in the sessions collection. */
export function mongoMessages(connection: Connection, ends: RememberedEnds): MessageStore {
  return {
    append: createAppend(connection, ends),

    read: (reach, sessionId, stretch) =>
      connection.run(({ db }) => readStretch(db, reach, sessionId, stretch)),

    find(reach, sessionId, uuid) {
      return connection.run(async ({ db }): Promise<FoundMessage> => {
        const found = await findLive(db, reach, sessionId, uuid);
        if (found === undefined) return absent(db, reach, sessionId);
        return { session: toSession(found.session), message: toMessage(found) };
      });
    },

    merge(namespace, sessionId, uuid, patch, at) {
      const place = { namespace, session_id: sessionId };
      return connection.run(async ({ db }): Promise<FoundMessage> => {
        const found = await findLive(db, { namespace }, sessionId, uuid);
        if (found === undefined) return absent(db, { namespace }, sessionId);
        const key = { ...place, thread: found.thread, uuid };
        const merged = await mergeMetadata(messagesOf(db), key, patch, new Date(at));
        return merged === null
          ? absent(db, { namespace }, sessionId)
          : { session: toSession(found.session), message: toMessage(merged) };
      });
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
        found.live === true &&
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
        const key = placeKey(place);
        const { applied, document } = await changeOrFind(
          () =>
            transactions
              ? connection.inTurn(key, deadline, () => {
                  // The summary is part of what is remembered.
                  ends.forget(place);
                  return connection.transaction((session) => store(db, session));
                })
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
