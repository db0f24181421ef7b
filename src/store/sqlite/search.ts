import type {
  Candidate,
  Candidates,
  Extent,
  Located,
  SearchScope,
  SearchStore,
  TermQuery,
} from '../search-store.ts';
import type { Connection } from './connection.ts';
import { MESSAGE, toMessage } from './messages.ts';
import { listedMetadata } from './rows.ts';
import { SESSION_COLUMNS, toSession } from './sessions.ts';
import { scopes } from './terms.ts';

/** How many times as many messages as are wanted are looked at, where many are deleted or too old. */
const PERSISTENCE = 20;

/** Newest first; what is not live, or not in the scope after all, drops out in the join. */
const CANDIDATES = `SELECT found.rowid, sessions.session_id, sessions.thread, sessions.base_seq,
    sessions.last_seq, messages.seq, messages.role, messages.created_at,
    iif(sessions.id IS NULL, NULL, messages.terms)
  FROM (SELECT rowid FROM message_terms WHERE message_terms MATCH ? AND rowid <= ?
    ORDER BY rowid DESC LIMIT ?) AS found
  CROSS JOIN messages ON messages.id = found.rowid
  LEFT JOIN sessions ON sessions.thread = messages.thread AND sessions.deleted_at IS NULL
    AND sessions.namespace = ? AND (?5 IS NULL OR sessions.user_id = ?5)
  ORDER BY found.rowid DESC`;

const THREAD = `SELECT thread FROM sessions
  WHERE namespace = ? AND session_id = ? AND deleted_at IS NULL`;

const LAST_ID = 'SELECT max(id) FROM messages';

const LAST_ID_BY = `SELECT max(id) FROM (
  SELECT id FROM messages WHERE created_at <= ? ORDER BY created_at DESC, id DESC LIMIT 1000)`;

const LISTED = SESSION_COLUMNS.replace('metadata', listedMetadata);

const SESSION = `SELECT ${LISTED} FROM sessions
  WHERE namespace = ? AND session_id = ? AND thread = ? AND deleted_at IS NULL`;

const AT = `SELECT ${MESSAGE} FROM messages WHERE thread = ? AND seq = ?`;

/** Finds messages by their terms. */
export function sqliteSearch(connection: Connection): SearchStore {
  const statement = (sql: string) => connection.statement(sql);

  /** What the terms of a scope begin with; `undefined` if there is nothing in it. */
  function prefixOf(namespace: string, { session_id, user_id }: SearchScope): string | undefined {
    if (session_id !== undefined) {
      const thread = statement(THREAD).get(namespace, session_id)?.[0] as number | null | undefined;
      return thread == null ? undefined : scopes.session(thread);
    }
    return user_id === undefined ? scopes.namespace(namespace) : scopes.user(namespace, user_id);
  }

  /**
   * The identifier that messages created by `until` have at the most. They are given in the order of
   * time, but for a clock that was set: a thousand messages make up for that.
   */
  function lastIdBy(until: string | undefined): number {
    const row =
      until === undefined ? statement(LAST_ID).get() : statement(LAST_ID_BY).get(Date.parse(until));
    return (row?.[0] ?? 0) as number;
  }

  /** The newest candidates for one term; more than `limit` are not needed to see that it is cut. */
  function find(
    namespace: string,
    { user_id }: SearchScope,
    scoped: string,
    { limit, since, until, terms, also }: TermQuery,
    threads: Map<string, Extent>,
    known: ReadonlyMap<number, Candidate>,
  ): { found: [number, Candidate][]; cut: boolean } {
    const wanted = new Set([...terms, ...also]);
    const from = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
    const to = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until);
    const found: [number, Candidate][] = [];
    let last = lastIdBy(until);
    for (let looked = 0; looked < PERSISTENCE * limit; looked += limit) {
      const rows = statement(CANDIDATES).all(
        `"${scoped}"`,
        last,
        limit + 1,
        namespace,
        user_id ?? null,
      );
      for (const row of rows.slice(0, limit)) {
        const [id, session_id, thread, base, end, seq, role, created_at, listed] = row as [
          ...[id: number, session_id: string | null, thread: number, base: number, end: number],
          ...[seq: number, role: string, created_at: number, listed: string],
        ];
        last = id - 1;
        if (session_id === null || created_at < from || created_at > to) continue;
        if (found.length === limit) return { found, cut: true };
        const earlier = known.get(id);
        if (earlier !== undefined) {
          found.push([id, earlier]);
          continue;
        }
        const all = listed.split(' ');
        const matched = all.filter((term) => wanted.has(term));
        const place = { session_id, thread: String(thread), seq };
        threads.set(place.thread, { first_seq: base + 1, last_seq: end });
        found.push([id, { ...place, role, created_at, matched, length: all.length }]);
      }
      if (rows.length <= limit) return { found, cut: false };
    }
    return { found, cut: true };
  }

  return {
    candidates(namespace, scope, query) {
      return connection.read((): Candidates => {
        const prefix = prefixOf(namespace, scope);
        const threads = new Map<string, Extent>();
        if (prefix === undefined) return { candidates: [], threads, cut: [] };
        const all = new Map<number, Candidate>();
        const cut: string[] = [];
        for (const term of query.terms) {
          const one = find(namespace, scope, prefix + term, query, threads, all);
          for (const [id, candidate] of one.found) all.set(id, candidate);
          if (one.cut) cut.push(term);
        }
        return { candidates: [...all.values()], threads, cut };
      });
    },

    locate(namespace, places, metadataMaxBytes) {
      return connection.read(() =>
        places.flatMap((place): Located[] => {
          const { session_id, thread, seq } = place;
          const session = statement(SESSION).get(metadataMaxBytes, namespace, session_id, thread);
          const message = session && statement(AT).get(thread, seq);
          if (session === undefined || message === undefined) return [];
          return [{ place, session: toSession(session), message: toMessage(session_id, message) }];
        }),
      );
    },
  };
}
