import type {
  Candidate,
  Candidates,
  ResolvedMessage,
  SearchScope,
  SearchStore,
  SeqRange,
  TermQuery,
} from '../../search-port.ts';
import type { Connection, Row } from '../connection/index.ts';
import { MESSAGE, toMessage } from '../messages.ts';
import { END_OF_TIME, listedMetadata } from '../rows.ts';
import { ACCESS_CONDITION, accessParameters, SESSION_COLUMNS, toSession } from '../sessions.ts';
import { scopes } from './terms.ts';

/** How many times as many messages as are wanted are looked at, where many are deleted or too old. */
const PERSISTENCE = 20;

/**
 * Newest first; what is not live, or not in the scope after all, drops out in the join. Numbers are
 * bound as REAL, and FTS5 takes only an INTEGER for a bound.
 */
const CANDIDATES = `SELECT found.rowid, sessions.session_id, sessions.uuid, sessions.first_seq,
    sessions.last_seq, messages.seq, messages.role, messages.created_at,
    iif(sessions.id IS NULL OR messages.created_at NOT BETWEEN ?7 AND ?8, NULL, messages.terms)
  FROM (SELECT rowid FROM message_terms WHERE message_terms MATCH ?1
    AND rowid <= CAST(?2 AS INTEGER) AND rowid >= CAST(?9 AS INTEGER)
    ORDER BY rowid DESC LIMIT ?3) AS found
  CROSS JOIN messages ON messages.id = found.rowid AND in_time()
  LEFT JOIN sessions ON sessions.id = messages.session AND sessions.deleted_at IS NULL
    AND messages.seq BETWEEN sessions.first_seq AND sessions.last_seq
    AND sessions.namespace = ?4 AND (?5 IS NULL OR sessions.user_id = ?5)
    AND (?6 IS NULL OR sessions.session_id = ?6)
  ORDER BY found.rowid DESC`;

/** The same columns of what is not indexed yet: see `MOST_WAITING` for how much that is. */
const UNINDEXED = `SELECT unindexed.id, sessions.session_id, sessions.uuid, sessions.first_seq,
    sessions.last_seq, messages.seq, messages.role, messages.created_at, messages.terms
  FROM unindexed CROSS JOIN messages ON messages.id = unindexed.id AND in_time()
  CROSS JOIN sessions ON sessions.id = messages.session AND sessions.deleted_at IS NULL
    AND messages.seq BETWEEN sessions.first_seq AND sessions.last_seq
    AND sessions.namespace = ?1 AND (?2 IS NULL OR sessions.user_id = ?2)
    AND (?3 IS NULL OR sessions.session_id = ?3)`;

const NUMBER = `SELECT id FROM sessions WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL`;

const LAST_ID_BY = `SELECT max(id) FROM (
  SELECT id FROM messages WHERE created_at <= ? ORDER BY created_at DESC, id DESC LIMIT 1000)`;

const FIRST_ID_FROM = `SELECT min(id) FROM (
  SELECT id FROM messages WHERE created_at >= ? ORDER BY created_at, id LIMIT 1000)`;

const LISTED = SESSION_COLUMNS.replace('metadata', listedMetadata);

/** The columns of a message, and behind them those of its session. */
const LOCATED = `SELECT * FROM
  (SELECT ${MESSAGE} FROM messages WHERE seq = ?4 AND session = (SELECT id FROM sessions
    WHERE namespace = ?1 AND session_id = ?2 AND uuid = ?3 AND deleted_at IS NULL
      AND ?4 BETWEEN first_seq AND last_seq)),
  (SELECT ${LISTED} FROM sessions WHERE namespace = ?1 AND session_id = ?2)`;

const MESSAGE_WIDTH = MESSAGE.split(',').length;

/** How long one search may look for candidates, in milliseconds: what it has by then is ranked. */
const SEARCH_MS = 500;

/** One search by terms. */
interface Look {
  namespace: string;
  user_id: string | null;
  session_id: string | null;
  /** What the terms of the scope begin with. */
  prefix: string;
  query: TermQuery;
  /** No message has a smaller identifier, or a larger one. */
  first: number;
  last: number;
  /** What is not indexed yet, by the terms that are looked for. */
  unindexed: ReadonlyMap<string, readonly Row[]>;
}

/** Finds messages by their terms. */
export function sqliteSearch(connection: Connection): SearchStore {
  const statement = (sql: string) => connection.statement(sql);

  /** What the terms of a scope begin with; `undefined` if there is nothing in it. */
  function prefixOf(namespace: string, { session_id, user_id }: SearchScope): string | undefined {
    if (session_id !== undefined) {
      const row = statement(NUMBER).get(...accessParameters({ namespace, user_id }, session_id));
      return row === undefined ? undefined : scopes.session(row[0] as number);
    }
    return user_id === undefined ? scopes.namespace(namespace) : scopes.user(namespace, user_id);
  }

  /**
   * The smallest and the largest identifier that messages of a time have. They are given in the order
   * of time, but for a clock that was set: a thousand messages make up for that.
   *
   * @returns `undefined` if there are no such messages
   */
  function idsOf({ since, until }: TermQuery): { first: number; last: number } | undefined {
    const first = since === undefined ? 0 : statement(FIRST_ID_FROM).get(Date.parse(since))?.[0];
    const last =
      until === undefined
        ? Number.MAX_SAFE_INTEGER
        : statement(LAST_ID_BY).get(Date.parse(until))?.[0];
    return first == null || last == null ? undefined : { first: Number(first), last: Number(last) };
  }

  /** The newest that have a term, up to `last`; more than `limit`, if there are more. */
  function newest(
    { namespace, user_id, session_id, prefix, first, unindexed, query }: Look,
    term: string,
    last: number,
  ) {
    const most = query.limit + 1;
    const scope = [namespace, user_id, session_id];
    const match = `"${prefix}${term}"`;
    const indexed = statement(CANDIDATES).all(match, last, most, ...scope, ...timeOf(query), first);
    const others = unindexed.get(term)?.filter((row) => idOf(row) <= last) ?? [];
    if (others.length === 0) return indexed;
    return [...others, ...indexed].sort((a, b) => idOf(b) - idOf(a));
  }

  /** The newest candidates for one term; more than `limit` are not needed to see that it is cut. */
  function find(
    look: Look,
    term: string,
    ranges: Map<string, SeqRange>,
    known: ReadonlyMap<number, Candidate>,
  ): { found: [number, Candidate][]; cut: boolean } {
    const { limit, terms, also } = look.query;
    const wanted = new Set([...terms, ...also]);
    const [from, to] = timeOf(look.query);
    const found: [number, Candidate][] = [];
    let { last } = look;
    for (let looked = 0; looked < PERSISTENCE * limit; looked += limit) {
      const rows = newest(look, term, last);
      for (const row of rows.slice(0, limit)) {
        const [id, session_id, session_uuid, first_seq, last_seq, seq, ...rest] = row as [
          ...[id: number, session_id: string | null, session_uuid: string, first_seq: number],
          ...[last_seq: number, seq: number, role: string, created_at: number, listed: string],
        ];
        const [role, created_at, listed] = rest;
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
        ranges.set(session_uuid, { first_seq, last_seq });
        const place = { session_id, session_uuid, seq };
        found.push([id, { ...place, role, created_at, matched, length: all.length }]);
      }
      if (rows.length <= limit) return { found, cut: false };
    }
    return { found, cut: true };
  }

  function candidates(namespace: string, scope: SearchScope, query: TermQuery): Candidates {
    const ranges = new Map<string, SeqRange>();
    const all = new Map<number, Candidate>();
    const cut: string[] = [];
    const prefix = prefixOf(namespace, scope);
    const ids = idsOf(query);
    if (prefix === undefined || ids === undefined) return { candidates: [], ranges, cut };
    const { session_id = null, user_id = null } = scope;
    const unindexed = statement(UNINDEXED).all(namespace, user_id, session_id);
    const look: Look = {
      ...{ namespace, user_id, session_id, prefix, query },
      ...ids,
      unindexed: byTerm(unindexed, query.terms),
    };
    const waiting = [...query.terms];
    const findAll = () => {
      for (let term = waiting[0]; term !== undefined; term = waiting[0]) {
        const one = find(look, term, ranges, all);
        for (const [id, candidate] of one.found) all.set(id, candidate);
        if (one.cut) cut.push(term);
        waiting.shift();
      }
    };
    connection.timeLimit.within(SEARCH_MS, findAll, () => cut.push(...waiting));
    return { candidates: [...all.values()], ranges, cut };
  }

  return {
    candidates(namespace, scope, query) {
      // On one view of the file: between two, a message may be moved into the index.
      return connection.read(() =>
        connection.inOneSnapshot(() => candidates(namespace, scope, query)),
      );
    },

    findByPosition(namespace, places, metadataMaxBytes) {
      return connection.read(() =>
        places.flatMap((place): ResolvedMessage[] => {
          const { session_id, session_uuid, seq } = place;
          const named = [namespace, session_id, session_uuid, seq];
          const row = statement(LOCATED).get(...named, metadataMaxBytes);
          if (row === undefined) return [];
          const session = toSession(row.slice(MESSAGE_WIDTH));
          return [{ place, session, message: toMessage(session_id, row) }];
        }),
      );
    },
  };
}

/** The first and the last millisecond that a query asks for. */
const timeOf = ({ since, until }: TermQuery): [from: number, to: number] => [
  since === undefined ? 0 : Date.parse(since),
  until === undefined ? END_OF_TIME : Date.parse(until),
];

const idOf = (row: Row) => row[0] as number;

/** Rows of `UNINDEXED` by those of the terms that they have. */
function byTerm(rows: readonly Row[], terms: readonly string[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>(terms.map((term) => [term, []]));
  for (const row of rows) {
    for (const term of (row[8] as string).split(' ')) {
      const having = found.get(term);
      if (having !== undefined && having.at(-1) !== row) having.push(row);
    }
  }
  return found;
}
