import { includesPart, type JsonObject } from '../domain/metadata.ts';
import type { Session, User } from '../domain/records.ts';

/** Which records of a list are wanted. */
export interface RecordFilter {
  /** Words, each of which begins a word of the record. */
  query?: string | undefined;
  /** What the metadata of the record contains. */
  metadata?: JsonObject | undefined;
}

/** How much of a name and how many words of a query are looked at. */
const NAME_MAX_LENGTH = 256;
const MAX_WORDS = 16;

const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/** The words of a text, without case and accents. */
const wordsOf = (text: string): string[] =>
  text
    .normalize('NFKD')
    .replace(/\p{Mn}+/gu, '')
    .toLowerCase()
    .match(WORD) ?? [];

/** Returns a function that tells whether a record is wanted, or `undefined` if all are. */
export function createRecordFilter({
  query,
  metadata,
}: RecordFilter): ((record: Session | User) => boolean) | undefined {
  if (query === undefined && metadata === undefined) return undefined;
  const sought = query === undefined ? [] : wordsOf(query).slice(0, MAX_WORDS);
  const isFound = (record: Session | User) => {
    if (query === undefined || namesOf(record).includes(query)) return true;
    if (sought.length === 0) return false;
    const words = namesOf(record).flatMap((name) => wordsOf(name.slice(0, NAME_MAX_LENGTH)));
    return sought.every((prefix) => words.some((word) => word.startsWith(prefix)));
  };
  return (record) =>
    isFound(record) && (metadata === undefined || includesPart(record.metadata, metadata));
}

/** The texts by which a record is known. */
function namesOf(record: Session | User): string[] {
  const names =
    'session_id' in record
      ? [record.session_id, record.metadata.title]
      : [record.user_id, record.email, record.first_name, record.last_name];
  return names.filter((name) => typeof name === 'string');
}
