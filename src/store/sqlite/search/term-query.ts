import { includesPart, type JsonObject } from '../../../domain/metadata.ts';
import type { SeqRange } from '../../../domain/positions.ts';
import { canonicalRole } from '../../../domain/roles.ts';
import type { Candidate } from '../../../search/bm25.ts';
import type { Candidates, SearchScope, TermQuery } from '../../search-port.ts';
import { ACCESS_CONDITION, accessParameters } from '../access-scope.ts';
import type { Connection, Row } from '../connection/index.ts';
import { numbersOf } from '../message-numbers.ts';
import { parseStored, timeBounds } from '../rows.ts';
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
    iif(sessions.id IS NULL OR messages.created_at NOT BETWEEN ?7 AND ?8, NULL, messages.terms),
    iif(?10, messages.metadata, NULL)
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
    sessions.last_seq, messages.seq, messages.role, messages.created_at, messages.terms,
    iif(?4, messages.metadata, NULL)
  FROM unindexed CROSS JOIN messages ON messages.id = unindexed.id
    AND messages.deleted_at IS NULL AND in_time()
  CROSS JOIN sessions ON sessions.id = messages.session AND sessions.deleted_at IS NULL
    AND messages.seq BETWEEN sessions.first_seq AND sessions.last_seq
    AND sessions.namespace = ?1 AND (?2 IS NULL OR sessions.user_id = ?2)
    AND (?3 IS NULL OR sessions.session_id = ?3)`;

const VOCABULARY = `SELECT term FROM message_vocabulary
  WHERE term >= ? AND term < ? AND in_time() LIMIT ?`;

const SESSION_NUMBER = `SELECT id FROM sessions WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL`;

/** What the scans of one search share. */
interface TermScan {
  /** The first parameters of `UNINDEXED`. */
  scope: [namespace: string, user_id: string | null, session_id: string | null];
  /** The prefix of the scope's terms in the index. */
  prefix: string;
  query: TermQuery;
  /** The terms and markers that candidates tell of. */
  wanted: ReadonlySet<string>;
  /** Whether the query wants a message of its scope. */
  isWanted: ReturnType<typeof createFilter>;
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
  const { terms, after } = query;
  const prefix = findPrefix(connection, namespace, scope);
  if (prefix === undefined) return { candidates: [], ranges, cut: [], next: terms.map(() => null) };
  const ids = numbersOf(connection, ...timeBounds(query));
  const parameters = scopeParameters(namespace, scope);
  const withMetadata = Number(query.metadata !== undefined);
  const rows = connection.statement(UNINDEXED).all(...parameters, withMetadata);
  const unindexed = groupByTerm(rows, terms);
  const wanted = new Set([...terms, ...query.also]);
  const isWanted = createFilter(query);
  const common = { scope: parameters, prefix, query, wanted, isWanted, unindexed };
  const scan = { ...common, ...ids, ranges, candidates };
  // Where the time is over before a term's turn, it begins where it would have.
  const next = terms.map((_, i) =>
    after === undefined ? String(ids.lastId + 1) : (after[i] ?? null),
  );
  const scanAll = () => {
    for (const [i, term] of terms.entries()) {
      const start = next[i];
      if (start == null) continue;
      const firstId = Math.max(scan.firstId, Number(query.end?.[i] ?? 0));
      next[i] = scanTerm(connection, { ...scan, firstId }, term, Number(start) - 1);
    }
  };
  connection.timeLimit.within(TIMEOUT_MS, scanAll, () => undefined);
  const cut = terms.filter((_, i) => next[i] !== null);
  return { candidates: [...candidates.values()], ranges, cut, next };
}

/** Some terms of a scope that begin with a prefix. Runs within a read. */
export function findVocabulary(
  connection: Connection,
  namespace: string,
  scope: SearchScope,
  prefix: string,
  limit: number,
): string[] {
  const scoped = findPrefix(connection, namespace, scope);
  if (scoped === undefined) return [];
  const first = scoped + prefix;
  const read = () => {
    const indexed = connection.statement(VOCABULARY).all(first, `${first}\u{10ffff}`, limit);
    const rows = connection.statement(UNINDEXED).all(...scopeParameters(namespace, scope), 0);
    return [
      ...indexed.map(([term]) => (term as string).slice(scoped.length)),
      ...rows.flatMap((row) => (row[8] as string).split(' ')),
    ];
  };
  const terms = connection.timeLimit.within(TIMEOUT_MS, read, () => []);
  return [...new Set(terms)].filter((term) => term.startsWith(prefix)).slice(0, limit);
}

/** The first parameters of `UNINDEXED`. */
const scopeParameters = (
  namespace: string,
  { user_id, session_id }: SearchScope,
): TermScan['scope'] => [namespace, user_id ?? null, session_id ?? null];

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
 * @param lastId the largest number to look at
 * @returns the number of the last message that was looked at; `null` if there are no more
 */
function scanTerm(
  connection: Connection,
  scan: TermScan,
  term: string,
  lastId: number,
): string | null {
  const { wanted, isWanted, ranges, candidates } = scan;
  const { limit } = scan.query;
  const found: [number, Candidate][] = [];
  let from = lastId;
  const end = (isCut: boolean) => {
    for (const [id, candidate] of found) candidates.set(id, candidate);
    return isCut ? String(from + 1) : null;
  };
  for (let scanned = 0; scanned < MAX_SCANS * limit; scanned += limit) {
    const rows = findNewest(connection, scan, term, from);
    for (const row of rows.slice(0, limit)) {
      const [id, session_id, session_uuid, first_seq, last_seq, seq, ...rest] = row as FoundRow;
      const [role, created_at, terms, metadata] = rest;
      if (
        session_id !== null &&
        terms !== null &&
        isWanted({ id, session_uuid, role, created_at, terms, metadata })
      ) {
        if (found.length === limit) return end(true);
        let candidate = candidates.get(id);
        if (candidate === undefined) {
          ranges.set(session_uuid, { first_seq, last_seq });
          const all = terms.split(' ');
          const matched = all.filter((one) => wanted.has(one));
          const place = { session_id, session_uuid, seq };
          candidate = { ...place, role, created_at, matched, length: all.length };
        }
        found.push([id, candidate]);
      }
      from = id - 1;
    }
    if (rows.length <= limit) return end(false);
  }
  return end(true);
}

/** A row of `INDEXED` or `UNINDEXED`. */
type FoundRow = [
  ...[id: number, session_id: string | null, session_uuid: string, first_seq: number],
  ...[last_seq: number, seq: number, role: string, created_at: number, terms: string | null],
  ...[metadata: string | null],
];

/** Tells whether a query wants a message of its scope that it has come upon. */
function createFilter(query: TermQuery) {
  const { terms, after, roles, metadata, exceptSession } = query;
  const [from, to] = timeBounds(query);
  const ends = new Map(terms.map((term, i) => [term, after?.[i]]));
  /** Whether an earlier query has come upon the message by one of its terms. */
  const isSeen = (id: number, joined: string) =>
    after !== undefined &&
    joined.split(' ').some((term) => {
      const end = ends.get(term);
      return end !== undefined && (end === null || id >= Number(end));
    });
  return (found: {
    id: number;
    session_uuid: string;
    role: string;
    created_at: number;
    terms: string;
    metadata: string | null;
  }): boolean =>
    found.created_at >= from &&
    found.created_at <= to &&
    found.session_uuid !== exceptSession &&
    (roles === undefined || roles.includes(canonicalRole(found.role))) &&
    (metadata === undefined ||
      includesPart(parseStored<JsonObject>(found.metadata) ?? {}, metadata)) &&
    !isSeen(found.id, found.terms);
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
    .all(
      ...[match, lastId, most, ...scope, ...timeBounds(query), firstId],
      Number(query.metadata !== undefined),
    );
  const isWithin = (row: Row) => idOf(row) <= lastId && idOf(row) >= firstId;
  const others = unindexed.get(term)?.filter(isWithin) ?? [];
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
