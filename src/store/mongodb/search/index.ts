import type {
  Candidate,
  Candidates,
  ResolvedMessage,
  SearchStore,
  SeqRange,
} from '../../search-port.ts';
import { toSearchFilter } from '../access-scope.ts';
import type { Connection } from '../connection/index.ts';
import {
  messagesOf,
  SESSION_FIELDS,
  type SessionDocument,
  sessionsOf,
  toMessage,
  toSession,
  WITHOUT_TERMS,
} from '../documents.ts';
import { messageId } from '../message-id.ts';
import { projection } from '../pagination.ts';
import { findByTerms } from './term-query.ts';

/** Finds messages by their terms. Whether they are live is up to their sessions, which are asked too. */
export function mongoSearch(connection: Connection): SearchStore {
  return {
    candidates(namespace, scope, query) {
      return connection.run(async ({ db, deadline }): Promise<Candidates> => {
        const scoped = await toSearchFilter(db, namespace, scope);
        if (scoped === undefined) return { candidates: [], ranges: new Map(), cut: [] };
        const search = { db, scope: scoped.filter, query, deadline };
        const looks = await findByTerms(search, scoped.live);
        const candidates = new Map<string, Candidate>();
        const ranges = new Map<string, SeqRange>();
        for (const { found, live } of looks) {
          for (const { _id, created_at, ...document } of found.slice(0, query.limit)) {
            ranges.set(document.session_uuid, live.get(document.session_uuid) as SeqRange);
            candidates.set(_id, { ...document, created_at: created_at.getTime() });
          }
        }
        const cut = query.terms.filter((_, i) => looks[i]?.cut);
        return { candidates: [...candidates.values()], ranges, cut };
      });
    },

    findByPosition(namespace, places, metadataMaxBytes) {
      if (places.length === 0) return Promise.resolve([]);
      return connection.run(async ({ db }) => {
        const session_id = { $in: [...new Set(places.map((place) => place.session_id))] };
        const [found, live] = await Promise.all([
          // By nothing else: an index on the namespace would do as well, and take much longer.
          messagesOf(db)
            .find({ _id: { $in: places.map(messageId) } }, { projection: WITHOUT_TERMS })
            .toArray(),
          sessionsOf(db)
            .find({ namespace, session_id, live: true })
            .project<SessionDocument>(projection(SESSION_FIELDS, metadataMaxBytes))
            .toArray(),
        ]);
        const own = found.filter((one) => one.namespace === namespace);
        const messages = new Map(own.map((one) => [one._id, one]));
        const sessions = new Map(live.map((one) => [one._id, one]));
        return places.flatMap((place): ResolvedMessage[] => {
          const message = messages.get(messageId(place));
          const session = sessions.get(place.session_uuid);
          if (message === undefined || session === undefined) return [];
          if (message.seq < session.first_seq || message.seq > session.last_seq) return [];
          return [{ place, message: toMessage(message), session: toSession(session) }];
        });
      });
    },
  };
}
