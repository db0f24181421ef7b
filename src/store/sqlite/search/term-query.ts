import type { SeqRange } from '../../../domain/positions.ts';
import type { Candidate } from '../../../search/bm25.ts';
import type { Candidates, SearchScope, TermQuery } from '../../search-port.ts';
import { ACCESS_CONDITION, accessParameters } from '../access-scope.ts';
import type { Connection, Row } from '../connection/index.ts';
import { numbersOf } from '../message-numbers.ts';
import { timeBounds } from '../rows.ts';
import { scopePrefix } from './indexer.ts';

/** A search scans up to so many times its limit, where many messages are deleted or out of the time range. */
const MAX_SCANS = 20;

/** How long one search may look for candidates, in milliseconds. It ranks those it has found by then. */
const TIMEOUT_MS = 500;

/**
 * Newest first. The join drops messages that are not live or not in the scope. The casts are needed
 * because numbers are bound as REAL and FTS5 takes only INTEGER as a bound.
 */
const INDEXED = `SELECT found.rowid, sessions.session_id, sessions.uuid, sessions.first_seq,
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

/** The same columns of messages that are not indexed yet. The indexer limits how many there are. */
const UNINDEXED = `SELECT unindexed.id, sessions.session_id, sessions.uuid, sessions.first_seq,
    sessions.last_seq, messages.seq, messages.role, messages.created_at, messages.terms
  FROM unindexed CROSS JOIN messages ON messages.id = unindexed.id
    AND messages.deleted_at IS NULL AND in_time()
  CROSS JOIN sessions ON sessions.id = messages.session AND sessions.deleted_at IS NULL
    AND messages.seq BETWEEN sessions.first_seq AND sessions.last_seq
    AND sessions.namespace = ?1 AND (?2 IS NULL OR sessions.user_id = ?2)
    AND (?3 IS NULL OR sessions.session_id = ?3)`;

const SESSION_NUMBER = `SELECT id FROM sessions WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL`;

/** What the scans of one search share. */
interface TermScan {
  /** The first parameters of `UNINDEXED`. */
  scope: [namespace: string, user_id: string | null, session_id: string | null];
  /** The prefix of the scope's terms in the index. */
  prefix: string;
  query: TermQuery;
  /** The smallest and the largest number that a message may have. */
  firstId: number;
  lastId: number;
  /** Messages that are not indexed yet, by term. */
  unindexed: ReadonlyMap<string, readonly Row[]>;
  ranges: Map<string, SeqRange>;
  /** All candidates so far, by their numbers. */
  candidates: Map<number, Candidate>;
}

/** Finds the newest messages of each term. Runs within a read, on one snapshot. */
export function findByTerms(
  connection: Connection,
  namespace: string,
  scope: SearchScope,
  query: TermQuery,
): Candidates {
  const ranges = new Map<string, SeqRange>();
  const candidates = new Map<number, Candidate>();
  const cut: string[] = [];
  const prefix = findPrefix(connection, namespace, scope);
  if (prefix === undefined) return { candidates: [], ranges, cut };
  const ids = numbersOf(connection, ...timeBounds(query));
  const parameters: TermScan['scope'] = [
    namespace,
    scope.user_id ?? null,
    scope.session_id ?? null,
  ];
  const rows = connection.statement(UNINDEXED).all(...parameters);
  const unindexed = groupByTerm(rows, query.terms);
  const scan = { scope: parameters, prefix, query, ...ids, unindexed, ranges, candidates };
  const pending = [...query.terms];
  const scanAll = () => {
    for (let term = pending[0]; term !== undefined; term = pending[0]) {
      if (scanTerm(connection, scan, term)) cut.push(term);
      pending.shift();
    }
  };
  connection.timeLimit.within(TIMEOUT_MS, scanAll, () => cut.push(...pending));
  return { candidates: [...candidates.values()], ranges, cut };
}

/** The prefix of a scope's terms in the index. `undefined` if the scope is empty. */
function findPrefix(
  connection: Connection,
  namespace: string,
  { session_id, user_id }: SearchScope,
): string | undefined {
  if (session_id !== undefined) {
    const parameters = accessParameters({ namespace, user_id }, session_id);
    const row = connection.statement(SESSION_NUMBER).get(...parameters);
    return row === undefined ? undefined : scopePrefix.session(row[0] as number);
  }
  return user_id === undefined
    ? scopePrefix.namespace(namespace)
    : scopePrefix.user(namespace, user_id);
}

/**
 * Adds the newest messages with one term to the candidates, up to the query's limit.
 *
 * @returns whether there may be more
 */
function scanTerm(connection: Connection, scan: TermScan, term: string): boolean {
  const { query, ranges, candidates } = scan;
  const { limit, terms, also } = query;
  const wanted = new Set([...terms, ...also]);
  const [from, to] = timeBounds(query);
  const found: [number, Candidate][] = [];
  const end = (cut: boolean) => {
    for (const [id, candidate] of found) candidates.set(id, candidate);
    return cut;
  };
  let { lastId } = scan;
  for (let scanned = 0; scanned < MAX_SCANS * limit; scanned += limit) {
    const rows = findNewest(connection, scan, term, lastId);
    for (const row of rows.slice(0, limit)) {
      const [id, session_id, session_uuid, first_seq, last_seq, seq, ...rest] = row as [
        ...[id: number, session_id: string | null, session_uuid: string, first_seq: number],
        ...[last_seq: number, seq: number, role: string, created_at: number, terms: string],
      ];
      const [role, created_at, joined] = rest;
      lastId = id - 1;
      if (session_id === null || created_at < from || created_at > to) continue;
      if (found.length === limit) return end(true);
      const known = candidates.get(id);
      if (known !== undefined) {
        found.push([id, known]);
        continue;
      }
      const all = joined.split(' ');
      const matched = all.filter((term) => wanted.has(term));
      ranges.set(session_uuid, { first_seq, last_seq });
      const place = { session_id, session_uuid, seq };
      found.push([id, { ...place, role, created_at, matched, length: all.length }]);
    }
    if (rows.length <= limit) return end(false);
  }
  return end(true);
}

/** The newest messages with a term, up to the number `lastId`. More than the limit, if there are more. */
function findNewest(
  connection: Connection,
  { scope, prefix, query, firstId, unindexed }: TermScan,
  term: string,
  lastId: number,
): Row[] {
  const match = `"${prefix}${term}"`;
  const most = query.limit + 1;
  const indexed = connection
    .statement(INDEXED)
    .all(match, lastId, most, ...scope, ...timeBounds(query), firstId);
  const others = unindexed.get(term)?.filter((row) => idOf(row) <= lastId) ?? [];
  if (others.length === 0) return indexed;
  return [...others, ...indexed].sort((a, b) => idOf(b) - idOf(a));
}

const idOf = (row: Row) => row[0] as number;

/** Groups rows of `UNINDEXED` by those of `terms` that they contain. */
function groupByTerm(rows: readonly Row[], terms: readonly string[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>(terms.map((term) => [term, []]));
  for (const row of rows) {
    for (const term of (row[8] as string).split(' ')) {
      const matching = found.get(term);
      if (matching !== undefined && matching.at(-1) !== row) matching.push(row);
    }
  }
  return found;
}
