import type { Db, Document } from 'mongodb';
import { type MessagePosition, positionKey, type SeqRange } from '../../../domain/positions.ts';
import type { Candidate } from '../../../search/bm25.ts';
import type { Candidates, ResolvedMessage, SearchStore } from '../../search-port.ts';
import type { Connection } from '../connection/index.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
} from '../documents.ts';
import { projection } from '../pagination.ts';
import { MESSAGE_FIELDS, SESSION_FIELDS, toMessage, toSession } from '../records.ts';
import { toSearchFilter } from './search-filter.ts';
import { findByTerms } from './term-query.ts';

/** Finds messages by their terms. Reads their sessions, too, which say whether a message is live. */
export function mongoSearch(
  connection: Connection,
  reanalysis: { isUnderWay: boolean },
): SearchStore {
  return {
    candidates(namespace, scope, query) {
      return connection.run(async ({ db, deadline }): Promise<Candidates> => {
        const outdated = reanalysis.isUnderWay ? { outdated: true as const } : {};
        const scoped = await toSearchFilter(db, namespace, scope);
        if (scoped === undefined) return { candidates: [], ranges: new Map(), cut: [] };
        const search = { db, filter: scoped.filter, query, deadline };
        const results = await findByTerms(search, scoped.live);
        const candidates = new Map<string, Candidate>();
        const ranges = new Map<string, SeqRange>();
        for (const { found, live } of results) {
          for (const { _id, created_at, ...document } of found.slice(0, query.limit)) {
            ranges.set(document.session_uuid, live.get(document.session_uuid) as SeqRange);
            candidates.set(_id, { ...document, created_at: created_at.getTime() });
          }
        }
        const cut = query.terms.filter((_, i) => results[i]?.cut);
        return { candidates: [...candidates.values()], ranges, cut, ...outdated };
      });
    },

    findByPosition(namespace, positions, limits) {
      if (positions.length === 0) return Promise.resolve({ messages: [], covered: 0 });
      return connection.run(async ({ db }) => {
        const session_id = { $in: [...new Set(positions.map((position) => position.session_id))] };
        const [found, live] = await Promise.all([
          findMessages(db, positions.map(positionKey), {
            ...MESSAGE_PROJECTION,
            content: contentUpTo(limits.contentMaxLength),
          }),
          sessionsOf(db)
            .find({ namespace, session_id, live: true })
            .project<SessionDocument>(projection(SESSION_FIELDS, limits.metadataMaxBytes))
            .toArray(),
        ]);
        // The positions may be another namespace's.
        const own = found.filter((one) => one.namespace === namespace);
        const documents = new Map(own.map((one) => [one._id, one]));
        const sessions = new Map(live.map((one) => [one._id, one]));
        const messages: Found[] = [];
        let covered = 0;
        for (let bytes = 0; covered < positions.length && bytes < limits.enough.total; covered++) {
          const place = positions[covered] as MessagePosition;
          const document = documents.get(positionKey(place));
          const session = sessions.get(place.session_uuid);
          if (document === undefined || session === undefined) continue;
          if (document.deleted_at !== undefined) continue;
          if (document.seq < session.first_seq || document.seq > session.last_seq) continue;
          bytes += Math.min(4 * document.token_count, limits.enough.each);
          messages.push({ place, document, session: toSession(session) });
        }
        return { messages: await withLongContents(db, messages), covered };
      });
    },
  };
}

type Found = Omit<ResolvedMessage, 'message'> & { document: MessageDocument };

const MESSAGE_PROJECTION = {
  namespace: 1,
  deleted_at: 1,
  ...Object.fromEntries(MESSAGE_FIELDS.map((field) => [field, 1])),
};

/** Contents of more estimated tokens are read by a command of their own, once the page is known. */
const SHORT_TOKENS = 16_384;

/** The content as an expression: its first `maxLength` code points, or all of it if it is short. */
const contentUpTo = (maxLength: number | undefined) =>
  maxLength === undefined
    ? { $cond: [{ $lte: ['$token_count', SHORT_TOKENS] }, '$content', '$$REMOVE'] }
    : { $substrCP: ['$content', 0, maxLength] };

/** Finds messages by `_id` alone: with the namespace, the server might choose the index on that. */
const findMessages = (db: Db, ids: readonly string[], fields: Document) =>
  messagesOf(db)
    .find({ _id: { $in: [...ids] } })
    .project<MessageDocument>(fields)
    .toArray();

/** Adds the contents that were too long to be read with the others. */
async function withLongContents(db: Db, found: readonly Found[]): Promise<ResolvedMessage[]> {
  const isLong = ({ document }: Found) => document.content === undefined;
  const ids = found.filter(isLong).map(({ document }) => document._id);
  const long = ids.length === 0 ? [] : await findMessages(db, ids, { content: 1 });
  const contents = new Map(long.map(({ _id, content }) => [_id, content]));
  return found.flatMap(({ place, session, document }) => {
    const content = document.content ?? contents.get(document._id);
    // It was purged between the two commands.
    if (content === undefined) return [];
    return [{ place, session, message: toMessage({ ...document, content }) }];
  });
}
