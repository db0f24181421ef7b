import type { Db } from 'mongodb';
import { timestamp } from '../../domain/times.ts';
import type { WriteResult } from '../common-port.ts';
import type { Conversation, FoundMessage, MessageStore } from '../message-port.ts';
import { accessFilter, findSession, type SessionRef } from './access-scope.ts';
import { createAppend } from './append/index.ts';
import type { SessionHeadCache } from './append/session-head.ts';
import { updateOrFind } from './conditional-writes.ts';
import type { Connection } from './connection/index.ts';
import { createMessageDeletion } from './delete-messages.ts';
import { messagesOf, type SessionDocument, sessionsOf } from './documents.ts';
import { mergeMetadata } from './merge-patch.ts';
import { findLiveMessage, type LiveMessage, readMessages } from './read-messages.ts';
import { toConversation, toMessage, toSession } from './records.ts';

/** The answer where a session has no such live message: the session, live or soft-deleted. */
async function notFound(db: Db, ref: SessionRef): Promise<FoundMessage> {
  const session = await findSession(db, ref);
  return { session: session === null ? undefined : toSession(session), message: undefined };
}

/** The answer for a message that was deleted individually. */
const deleted = ({ session, deleted_at }: LiveMessage): FoundMessage => ({
  session: toSession(session),
  message: undefined,
  ...(deleted_at !== undefined && { deleted_at: timestamp(deleted_at.getTime()) }),
});

/** The messages collection, with the fields of a session that depend on it. */
export function mongoMessages(connection: Connection, heads: SessionHeadCache): MessageStore {
  return {
    append: createAppend(connection, heads),

    ...createMessageDeletion(connection, heads),

    read: (scope, session_id, range) =>
      connection.run(({ db }) => readMessages(db, { ...scope, session_id }, range)),

    find(scope, session_id, uuid) {
      const ref = { ...scope, session_id };
      return connection.run(async ({ db }): Promise<FoundMessage> => {
        const found = await findLiveMessage(db, ref, uuid);
        if (found === undefined) return notFound(db, ref);
        if (found.deleted_at !== undefined) return deleted(found);
        const { parts_whole: parts = found.parts } = found;
        const message = toMessage({ ...found, ...(parts !== undefined && { parts }) });
        return { session: toSession(found.session), message };
      });
    },

    merge(scope, session_id, uuid, patch, at) {
      const ref = { ...scope, session_id };
      return connection.run(async ({ db }): Promise<FoundMessage> => {
        const found = await findLiveMessage(db, ref, uuid);
        if (found === undefined) return notFound(db, ref);
        if (found.deleted_at !== undefined) return deleted(found);
        const { _id, namespace, session_uuid, seq } = found;
        // Position and uuid: the message may be retired by now, and another one have its uuid.
        const key = { _id, namespace, session_id, session_uuid, seq, uuid };
        const merged = await mergeMetadata(messagesOf(db), key, patch, new Date(at));
        return merged === null
          ? notFound(db, ref)
          : { session: toSession(found.session), message: toMessage(merged) };
      });
    },

    summarize(scope, session_id, _uuid, { content, up_to_seq, created_at }) {
      const ref = { ...scope, session_id };
      const summary = { content, up_to_seq, created_at: new Date(created_at) };
      const covers = {
        ...accessFilter(ref),
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

      return connection.run(async ({ db }): Promise<WriteResult<Conversation>> => {
        // The head has the last message that the summary covers.
        heads.forget(ref);
        const { applied, document } = await updateOrFind(
          () =>
            sessionsOf(db).findOneAndUpdate(
              covers,
              { $set: { summary } },
              { returnDocument: 'after' },
            ),
          () => findSession(db, ref),
          applies,
        );
        return applied
          ? { applied, record: toConversation(document) }
          : { applied, found: document === null ? undefined : toConversation(document) };
      });
    },
  };
}
