import type { SeqRange } from '../../../domain/positions.ts';
import type { Candidate } from '../../../search/bm25.ts';
import type { Candidates, SearchScope, TermQuery } from '../../search-port.ts';
import type { Connection, Row } from '../connection/index.ts';
import { numbersOf } from '../message-numbers.ts';
import { timeBounds } from '../rows.ts';
import { createFilter, type FoundRow, TERMS, toCandidate } from './found-row.ts';
import {
  createSessionLookup,
  findPrefix,
  IN_SCOPE,
  type SessionLookup,
  scopeParameters,
} from './scope.ts';

/** A search scans up to so many times its limit, where many messages are deleted or out of the time range. */
const MAX_SCANS = 20;

/** How long one search may look for candidates, in milliseconds. It ranks those it has found by then. */
const TIMEOUT_MS = 500;

/**
 * Newest first. Terms are left out of messages that were not created in the time range. One row of eight
 * checks the time limit: the check takes as long as reading a row. The casts are needed because numbers are
 * bound as REAL and FTS5 takes only INTEGER as a bound.
 */
const INDEXED = `SELECT found.rowid, messages.session, messages.seq, messages.role, messages.created_at,
    iif(messages.created_at BETWEEN ?4 AND ?5, messages.terms, NULL),
    iif(?7, messages.metadata, NULL)
  FROM (SELECT rowid FROM message_terms WHERE message_terms MATCH ?1
    AND rowid <= CAST(?2 AS INTEGER) AND rowid >= CAST(?6 AS INTEGER)
    ORDER BY rowid DESC LIMIT ?3) AS found
  CROSS JOIN messages ON messages.id = found.rowid AND (found.rowid & 7 OR in_time())
  ORDER BY found.rowid DESC`;

/**
 * The same columns of messages that are not indexed yet, if they are live and in the scope. The indexer
 * limits how many there are.
 */
const UNINDEXED = `SELECT unindexed.id, messages.session, messages.seq, messages.role,
    messages.created_at, messages.terms, iif(?4, messages.metadata, NULL)
  FROM unindexed CROSS JOIN messages ON messages.id = unindexed.id
    AND messages.deleted_at IS NULL AND in_time()
  CROSS JOIN sessions ON sessions.id = messages.session AND ${IN_SCOPE}
    AND messages.seq BETWEEN sessions.first_seq AND sessions.last_seq`;

const VOCABULARY = `SELECT term FROM message_vocabulary
  WHERE term >= ? AND term < ? AND in_time() LIMIT ?`;

/** What the scans of one search share. */
interface TermScan {
  session: SessionLookup;
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
  const session = createSessionLookup(connection, parameters);
  const common = { session, prefix, query, wanted, isWanted, unindexed };
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
      ...rows.flatMap((row) => (row[TERMS] as string).split(' ')),
    ];
  };
  const terms = connection.timeLimit.within(TIMEOUT_MS, read, () => []);
  return [...new Set(terms)].filter((term) => term.startsWith(prefix)).slice(0, limit);
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
  const { isWanted, ranges, candidates } = scan;
  const { limit } = scan.query;
  const found: [number, Candidate][] = [];
  let from = lastId;
  const end = (isCut: boolean) => {
    for (const [id, candidate] of found) candidates.set(id, candidate);
    return isCut ? String(from + 1) : null;
  };
  for (let scanned = 0; scanned < MAX_SCANS * limit; scanned += limit) {
    const rows = findNewest(connection, scan, term, from) as FoundRow[];
    for (const row of rows) {
      const [id, number] = row;
      const session = scan.session(number);
      if (session !== undefined && isWanted(row, session)) {
        if (found.length === limit) return end(true);
        const candidate = candidates.get(id) ?? toCandidate(row, session, scan.wanted);
        ranges.set(session.session_uuid, session.range);
        found.push([id, candidate]);
      }
      from = id - 1;
    }
    if (rows.length <= limit) return end(false);
  }
  return end(true);
}

/**
 * The newest messages with a term, up to the number `lastId`: one more than the limit, if there are more.
 * Messages behind these are left out, also unindexed ones: indexed ones that were not read may come before them.
 */
function findNewest(
  connection: Connection,
  { prefix, query, firstId, unindexed }: TermScan,
  term: string,
  lastId: number,
): Row[] {
  const match = `"${prefix}${term}"`;
  const most = query.limit + 1;
  const indexed = connection
    .statement(INDEXED)
    .all(
      ...[match, lastId, most, ...timeBounds(query), firstId],
      Number(query.metadata !== undefined),
    );
  const isWithin = (row: Row) => idOf(row) <= lastId && idOf(row) >= firstId;
  const others = unindexed.get(term)?.filter(isWithin) ?? [];
  if (others.length === 0) return indexed;
  return [...others, ...indexed].sort((a, b) => idOf(b) - idOf(a)).slice(0, most);
}

const idOf = (row: Row) => row[0] as number;

/** Groups rows of `UNINDEXED` by those of `terms` that they contain. */
function groupByTerm(rows: readonly Row[], terms: readonly string[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>(terms.map((term) => [term, []]));
  for (const row of rows) {
    for (const term of (row[TERMS] as string).split(' ')) {
      const matching = found.get(term);
      if (matching !== undefined && matching.at(-1) !== row) matching.push(row);
    }
  }
  return found;
}
