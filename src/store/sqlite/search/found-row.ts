import { includesPart, type JsonObject } from '../../../domain/metadata.ts';
import { canonicalRole, hasRoleWord } from '../../../domain/roles.ts';
import type { Candidate } from '../../../search/bm25.ts';
import type { TermQuery } from '../../search-port.ts';
import { parseStored, timeBounds } from '../rows.ts';
import type { FoundSession } from './scope.ts';

/** A message as a search by terms reads it. Its session may be deleted. */
export type FoundRow = readonly [
  ...[id: number, session: number, seq: number, role: string, created_at: number],
  ...[terms: string | null, metadata: string | null],
];

/** The index of the terms in a row. */
export const TERMS = 5;

export function toCandidate(
  [, , seq, role, created_at, terms]: FoundRow,
  { session_id, session_uuid }: FoundSession,
  wanted: ReadonlySet<string>,
): Candidate {
  const text = terms as string;
  const matched: string[] = [];
  let length = 0;
  // Faster than to split the terms: a search does this to hundreds of messages.
  for (let start = 0; start <= text.length; length++) {
    const space = text.indexOf(' ', start);
    const end = space === -1 ? text.length : space;
    const term = text.slice(start, end);
    if (wanted.has(term)) matched.push(term);
    start = end + 1;
  }
  return { session_id, session_uuid, seq, role, created_at, matched, length };
}

/** Returns a function that tells whether a query wants a message, which is of a session of its scope. */
export function createFilter(query: TermQuery) {
  const { terms, after, roles, roleWord, metadata, exceptSession } = query;
  const [from, to] = timeBounds(query);
  const ends = new Map(terms.map((term, i) => [term, after?.[i]]));
  /** Whether an earlier query has come upon the message by one of its terms. */
  const isSeen = (id: number, joined: string) =>
    after !== undefined &&
    joined.split(' ').some((term) => {
      const end = ends.get(term);
      return end !== undefined && (end === null || id >= Number(end));
    });
  return (
    [id, , seq, role, created_at, joined, stored]: FoundRow,
    { session_uuid, range }: FoundSession,
  ): boolean =>
    joined !== null &&
    seq >= range.first_seq &&
    seq <= range.last_seq &&
    created_at >= from &&
    created_at <= to &&
    session_uuid !== exceptSession &&
    (roles === undefined || roles.includes(canonicalRole(role))) &&
    (roleWord === undefined || hasRoleWord(role, roleWord)) &&
    (metadata === undefined || includesPart(parseStored<JsonObject>(stored) ?? {}, metadata)) &&
    !isSeen(id, joined);
}
