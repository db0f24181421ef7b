import type { ClientSession, Db } from 'mongodb';
import type { WriteResult } from '../common-port.ts';
import type { Conversation, FoundMessage, MessageStore } from '../message-port.ts';
import { accessFilter, findSession, type SessionRef } from './access-scope.ts';
import { createAppend } from './append/index.ts';
import { messageKey } from './append/session-head.ts';
import type { SessionHeadCache } from './append/session-head-cache.ts';
import { inSession } from './append/writes.ts';
import { updateOrFind } from './conditional-update.ts';
import type { Connection } from './connection/index.ts';
import {
  messagesOf,
  type SessionDocument,
  sessionsOf,
  summariesOf,
  toConversation,
  toMessage,
  toSession,
} from './documents.ts';
import { sessionLockKey } from './keyed-mutex.ts';
import { mergeMetadata } from './merge-patch.ts';
import { findLive, readMessages } from './read-messages.ts';

/** A session in whatever state it is, that has no such message. */
async function absent(db: Db, target: SessionRef): Promise<FoundMessage> {
  const session = await findSession(db, target);
  return { session: session === null ? undefined : toSession(session), message: undefined };
}

/** The messages and summaries collections, and what they move in the sessions collection. */
export function mongoMessages(connection: Connection, ends: SessionHeadCache): MessageStore {
  return {
    append: createAppend(connection, ends),

    read: (reach, session_id, stretch) =>
      connection.run(({ db }) => readMessages(db, { ...reach, session_id }, stretch)),

    find(reach, session_id, uuid) {
      const target = { ...reach, session_id };
      return connection.run(async ({ db }): Promise<FoundMessage> => {
        const found = await findLive(db, target, uuid);
        if (found === undefined) return absent(db, target);
        return { session: toSession(found.session), message: toMessage(found) };
      });
    },

    merge(reach, session_id, uuid, patch, at) {
      const target = { ...reach, session_id };
      return connection.run(async ({ db }): Promise<FoundMessage> => {
        const found = await findLive(db, target, uuid);
        if (found === undefined) return absent(db, target);
        const { _id, namespace, session_uuid, seq } = found;
        // By all of these: it may be retired by now, and another have its uuid.
        const key = { _id, namespace, session_id, session_uuid, seq, uuid };
        const merged = await mergeMetadata(messagesOf(db), key, patch, new Date(at));
        return merged === null
          ? absent(db, target)
          : { session: toSession(found.session), message: toMessage(merged) };
      });
    },

    summarize(reach, session_id, uuid, { content, up_to_seq, created_at }) {
      const target = { ...reach, session_id };
      const summary = { content, up_to_seq, created_at: new Date(created_at) };
      const covers = {
        ...accessFilter(target),
        live: true,
        first_seq: { $lte: up_to_seq },
        last_seq: { $gte: up_to_seq },
        $or: [{ summary: { $exists: false } }, { 'summary.up_to_seq': { $lte: up_to_seq } }],
      };
      const applies = (found: SessionDocument) =>
        found.live === true &&
        found.first_seq <= up_to_seq &&
        found.last_seq >= up_to_seq &&
        (found.summary?.up_to_seq ?? 0) <= up_to_seq;

      /** The session first: it decides whether there is anything to put into the history. */
      async function store(db: Db, session?: ClientSession): Promise<SessionDocument | null> {
        const options = { returnDocument: 'after', ...inSession(session) } as const;
        const document = await sessionsOf(db).findOneAndUpdate(
          covers,
          { $set: { summary } },
          options,
        );
        if (document === null) return null;
        const entry = { $setOnInsert: { ...messageKey(document), ...summary } };
        const upsert = { upsert: true, ...inSession(session) };
        await summariesOf(db).updateOne({ _id: uuid }, entry, upsert);
        return document;
      }

      return connection.run(async (deployment): Promise<WriteResult<Conversation>> => {
        const { db, transactions, deadline } = deployment;
        const { applied, document } = await updateOrFind(
          () =>
            transactions
              ? connection.runExclusive(sessionLockKey(target), deadline, () => {
                  // The summary is part of what is remembered.
                  ends.forget(target);
                  return connection.transaction((session) => store(db, session));
                })
              : store(db),
          () => findSession(db, target),
          applies,
        );
        return applied
          ? { applied, record: toConversation(document) }
          : { applied, found: document === null ? undefined : toConversation(document) };
      });
    },
  };
}
