import { createHash } from 'node:crypto';
import { invalidArgument } from './errors.ts';
import { jsonBytes, jsonBytesAtMost } from './metadata.ts';

export const PAGE_LIMIT_DEFAULT = 50;
export const PAGE_LIMIT_MAX = 1000;

/** The last millisecond that a date can hold. */
const POSITION_MAX = 8.64e15;

/**
 * The largest offset of a page number. The cost of an offset grows with the records skipped; that
 * of a cursor does not.
 */
export const OFFSET_MAX = 100_000;

/**
 * The position after which a page starts: the record that has `value` (milliseconds since 1970, or
 * a sequence number) in the ordering field. `key` breaks ties.
 */
export interface Position {
  value: number;
  key: string;
}

type Start = { after?: Position } | { offset: number };

/** A page request to a store. */
export type PageRequest = Start & { limit: number };

/**
 * The limits up to which a list is as cheap as any other read: records returned, and records
 * skipped.
 */
const SHORT_LIST = 101;

/** Whether a list is expensive: it returns or skips many records, or counts them all. */
export function isLongList(window: PageRequest & { total?: boolean | undefined }): boolean {
  const skipped = 'offset' in window ? window.offset : 0;
  return window.total === true || window.limit + skipped > SHORT_LIST;
}

export interface PageArguments {
  limit?: number | undefined;
  cursor?: string | undefined;
  /** How many records to skip, instead of a cursor. */
  offset?: number | undefined;
  page_size?: number | undefined;
  page_number?: number | undefined;
}

/**
 * Converts the two ways of paging to one page request.
 *
 * @param query all parameters of the list; a cursor is valid for the same query only
 * @throws DomainError INVALID_ARGUMENT when both ways are mixed or the cursor belongs to another
 *   query
 */
export function toPageRequest(page: PageArguments, query: unknown): PageRequest {
  const byNumber = page.page_size !== undefined || page.page_number !== undefined;
  if (byNumber && (page.limit !== undefined || page.cursor !== undefined)) {
    throw invalidArgument(
      'limit and cursor cannot be mixed with page_size and page_number. Use one pair or the other.',
    );
  }
  if (!byNumber) {
    const limit = page.limit ?? PAGE_LIMIT_DEFAULT;
    if (page.offset !== undefined) return { limit, offset: page.offset };
    return page.cursor === undefined
      ? { limit }
      : { limit, after: decodeCursor(page.cursor, query) };
  }
  const limit = page.page_size ?? PAGE_LIMIT_DEFAULT;
  const offset = ((page.page_number ?? 1) - 1) * limit;
  if (offset > OFFSET_MAX) {
    throw invalidArgument(
      `page_number reaches ${offset} records into the list, and at most ${OFFSET_MAX} are allowed. Use limit and cursor, which have no such bound.`,
    );
  }
  return { limit, offset };
}

/** Encodes an opaque cursor that continues `query` after `position`. */
export function encodeCursor(position: Position, query: unknown): string {
  return Buffer.from(JSON.stringify([fingerprint(query), position.value, position.key])).toString(
    'base64url',
  );
}

/**
 * @throws DomainError INVALID_ARGUMENT when the text is not a cursor, or belongs to another query
 */
export function decodeCursor(cursor: string, query: unknown): Position {
  const [mark, value, key] = parsed(cursor);
  if (
    mark !== fingerprint(query) ||
    !Number.isSafeInteger(value) ||
    Math.abs(value as number) > POSITION_MAX ||
    typeof key !== 'string'
  ) {
    throw foreignCursor();
  }
  return { value: value as number, key };
}

/** The error for a cursor that is of no list, or of another one. */
export const foreignCursor = () =>
  invalidArgument(
    'cursor does not belong to this list. Repeat the call that returned it with the same arguments, or leave it out to start at the beginning.',
  );

function parsed(cursor: string): unknown[] {
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}

function fingerprint(query: unknown): string {
  return createHash('sha256').update(JSON.stringify(query)).digest('base64url').slice(0, 11);
}

/**
 * Returns the first `records` that fit: at most `limit` of them and at most `maxBytes` as JSON, but
 * at least one, so that following the cursor always advances. `records` may hold one more than
 * `limit`, which shows that the list continues.
 */
export function cutPage<T>(
  records: readonly T[],
  limit: number,
  maxBytes: number,
): { page: T[]; cut: boolean } {
  const wanted = records.slice(0, limit);
  const page = jsonBytesAtMost(wanted) <= maxBytes ? wanted : firstWithin(wanted, maxBytes);
  return { page, cut: page.length < records.length };
}

function firstWithin<T>(records: readonly T[], maxBytes: number): T[] {
  let bytes = 0;
  const end = records.findIndex((record, i) => {
    bytes += jsonBytes(record) + 1;
    return bytes > maxBytes && i > 0;
  });
  return end === -1 ? [...records] : records.slice(0, end);
}

/**
 * The sequence number after which a range of a gapless list begins.
 *
 * @param stretch `after` is the sequence number to begin after; `offset` is the number of messages
 *   to skip from there, or from the end at which the order starts
 */
export function rangeStart(
  range: { first_seq: number; last_seq: number },
  stretch: { order: 'asc' | 'desc'; after?: number | undefined; offset?: number | undefined },
): number {
  const { after, offset = 0 } = stretch;
  return stretch.order === 'asc'
    ? Math.max(after ?? 0, range.first_seq - 1) + offset
    : Math.min(after ?? Number.MAX_SAFE_INTEGER, range.last_seq + 1) - offset;
}

/**
 * The most messages in a range: `limit`, or up to `unsummarized` if the newest summary leaves more
 * messages uncovered.
 */
export function rangeLimit(
  { last_seq, summary }: { last_seq: number; summary?: { up_to_seq: number } },
  { limit, unsummarized = 0 }: { limit: number; unsummarized?: number | undefined },
): number {
  const left = summary === undefined ? 0 : last_seq - summary.up_to_seq;
  return Math.max(limit, Math.min(unsummarized, left));
}
