import { Binary, type Db, type Filter } from 'mongodb';
import { positionKey } from '../../../domain/positions.ts';
import type { MessageVector, NewestVectors, VectorStore } from '../../search-port.ts';
import type { Connection } from '../connection/index.ts';
import { type MessageDocument, messagesOf, type VectorDocument, vectorsOf } from '../documents.ts';
import {
  createdWithin,
  findLiveRanges,
  isLive,
  type LiveRanges,
  toSearchFilter,
} from './search-filter.ts';

/** The filter of a replacement: has every field that a shard key could be made of. */
const keyOf = ({ _id, namespace, session_id, session_uuid }: VectorDocument) => ({
  ...{ _id, namespace, session_id, session_uuid },
});

/** Reads what a vector copies from its message. */
function findMessages(db: Db, ids: readonly string[]) {
  return messagesOf(db)
    .find({ _id: { $in: ids }, deleted_at: { $exists: false } })
    .project<MessageDocument>({
      ...{ namespace: 1, session_id: 1, user_id: 1 },
      ...{ session_uuid: 1, seq: 1, created_at: 1 },
    })
    .toArray();
}

/** The contents of messages, by their `_id`. */
async function contentsOf(db: Db, messages: readonly Pick<MessageDocument, '_id'>[]) {
  const found = await messagesOf(db)
    .find({ _id: { $in: messages.map(({ _id }) => _id) }, deleted_at: { $exists: false } })
    .project<Pick<MessageDocument, '_id' | 'content'>>({ content: 1 })
    .toArray();
  return new Map(found.map(({ _id, content }) => [_id, content]));
}

/** The vectors collection. As for a search, the session says whether a message is live. */
export function mongoVectors(connection: Connection): VectorStore {
  return {
    put(model, vectors) {
      if (vectors.length === 0) return Promise.resolve();
      return connection.run(async ({ db }) => {
        const ids = vectors.map(({ place }) => positionKey(place));
        const messages = new Map(
          (await findMessages(db, ids)).map((message) => [message._id, message]),
        );
        const documents = vectors.flatMap(({ place, digest, vector }): VectorDocument[] => {
          const message = messages.get(positionKey(place));
          if (message === undefined) return [];
          return [{ ...message, model, digest, vector: new Binary(vector) }];
        });
        if (documents.length === 0) return;
        await vectorsOf(db).bulkWrite(
          documents.map((replacement) => ({
            replaceOne: { filter: keyOf(replacement), replacement, upsert: true },
          })),
          { ordered: false },
        );
        // A purge may have removed the messages meanwhile: nobody else would remove these vectors.
        const there = new Set((await findMessages(db, ids)).map(({ _id }) => _id));
        const gone = documents.flatMap(({ _id }) => (there.has(_id) ? [] : [_id]));
        if (gone.length > 0) await vectorsOf(db).deleteMany({ _id: { $in: gone } });
      });
    },

    newest(namespace, scope, { model, limit, since, until }) {
      return connection.run(async ({ db }): Promise<NewestVectors> => {
        const scoped = await toSearchFilter(db, namespace, scope);
        if (scoped === undefined) {
          return { vectors: [], ranges: new Map(), outdated: 0, cut: false };
        }
        const { session_uuid } = scoped.filter;
        // By the uuid alone: with the namespace, the server might choose the index on that.
        const filter = session_uuid === undefined ? scoped.filter : { session_uuid };
        const found = await vectorsOf(db)
          .find({ ...filter, ...createdWithin({ since, until }) } as Filter<VectorDocument>)
          .sort({ created_at: -1 })
          .limit(limit + 1)
          .batchSize(limit + 2)
          .toArray();
        const ranges = scoped.live ?? (await findLiveRanges(db, namespace, found));
        const live = found.slice(0, limit).filter((one) => isLive(one, ranges));
        const vectors = live.flatMap((one): MessageVector[] => {
          const { session_id, session_uuid, seq, digest, vector } = one;
          if (one.model !== model) return [];
          return [{ place: { session_id, session_uuid, seq }, digest, vector: vector.value() }];
        });
        const outdated = live.length - vectors.length;
        return { vectors, ranges, outdated, cut: found.length > limit };
      });
    },

    unembedded(model, after, limit) {
      return connection.run(async ({ db }) => {
        const behind = after === undefined ? {} : { _id: { $gt: after } };
        const found = await messagesOf(db)
          .find(behind)
          .sort({ _id: 1 })
          .limit(limit)
          .project<Omit<MessageDocument, 'content'>>({
            ...{ namespace: 1, session_id: 1, session_uuid: 1, seq: 1 },
          })
          .toArray();
        const embedded = await vectorsOf(db)
          .find({ _id: { $in: found.map(({ _id }) => _id) }, model })
          .project<{ _id: string }>({ _id: 1 })
          .toArray();
        const known = new Set(embedded.map(({ _id }) => _id));
        const live = new Map<string, LiveRanges>();
        for (const namespace of new Set(found.map((message) => message.namespace))) {
          const theirs = found.filter((message) => message.namespace === namespace);
          live.set(namespace, await findLiveRanges(db, namespace, theirs));
        }
        const isThere = (message: (typeof found)[number]) =>
          isLive(message, live.get(message.namespace) ?? new Map());
        const missing = found.filter((message) => !known.has(message._id) && isThere(message));
        const contents = await contentsOf(db, missing);
        const last = found.at(-1);
        return {
          messages: missing.flatMap(({ _id, namespace, session_id, session_uuid, seq }) => {
            const content = contents.get(_id);
            // The message was purged meanwhile.
            if (content === undefined) return [];
            return [{ namespace, place: { session_id, session_uuid, seq }, content }];
          }),
          ...(last !== undefined && { next: last._id }),
        };
      });
    },
  };
}
