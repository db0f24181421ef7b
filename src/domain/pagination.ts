import { createHash } from 'node:crypto';
import { invalidArgument } from './errors.ts';

export const PAGE_LIMIT_DEFAULT = 50;
export const PAGE_LIMIT_MAX = 1000;

/** The last millisecond that a date can hold. */
const POSITION_MAX = 8.64e15;

/** How far a page number may reach. An offset costs what it skips; a cursor does not. */
export const OFFSET_MAX = 100_000;

/**
 * Where a page starts: behind the record that has `value` (milliseconds since 1970, or a sequence
 * number) in the field that the list is ordered by, and `key` to tell it from its equals.
 */
export interface Position {
  value: number;
  key: string;
}

export type Start = { after?: Position } | { offset: number };

/** One page of a list as a store is asked for it. */
export type PageRequest = Start & { limit: number };

/** Up to how many records a list takes no longer than any other read, and how many it may skip. */
const SHORT_LIST = 101;

/** Whether a list takes long: it returns many records, goes over many to get there, or counts them all. */
export function isLongList(window: PageRequest & { total?: boolean | undefined }): boolean {
  const skipped = 'offset' in window ? window.offset : 0;
  return window.total === true || window.limit + skipped > SHORT_LIST;
}

export interface PageArguments {
  limit?: number | undefined;
  cursor?: string | undefined;
  page_size?: number | undefined;
  page_number?: number | undefined;
}

/**
 * Turns the two ways of paging into one window.
 *
 * @param query everything that the list depends on; a cursor is good for the same query only
 * @throws DomainError INVALID_ARGUMENT when both ways are mixed or the cursor is not this query's
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

/** An opaque cursor that continues `query` behind `position`. */
export function encodeCursor(position: Position, query: unknown): string {
  return Buffer.from(JSON.stringify([fingerprint(query), position.value, position.key])).toString(
    'base64url',
  );
}

/**
 * @throws DomainError INVALID_ARGUMENT when the text is no cursor, or one of another query
 */
export function decodeCursor(cursor: string, query: unknown): Position {
  const [mark, value, key] = parsed(cursor);
  if (
    mark !== fingerprint(query) ||
    !Number.isSafeInteger(value) ||
    Math.abs(value as number) > POSITION_MAX ||
    typeof key !== 'string'
  ) {
    throw invalidArgument(
      'cursor does not belong to this list. Repeat the call that returned it with the same arguments, or leave it out to start at the beginning.',
    );
  }
  return { value: value as number, key };
}

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
 * As many of `records` as fit: at most `limit` of them, and at most `maxBytes` as JSON, though never
 * less than one, so that following the cursor always gets on. `records` may hold one more than
 * `limit`, which is how a caller learns that the list goes on.
 */
export function cutPage<T>(
  records: readonly T[],
  limit: number,
  maxBytes: number,
): { page: T[]; cut: boolean } {
  const page: T[] = [];
  let bytes = 0;
  for (const record of records.slice(0, limit)) {
    bytes += Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes > maxBytes && page.length > 0) break;
    page.push(record);
  }
  return { page, cut: page.length < records.length };
}

/**
 * The sequence number that a stretch of a gapless range begins behind.
 *
 * @param stretch `after` is one to begin behind, `offset` how many to skip from there, or from the
 *   end of the range where the order starts
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
 * How many messages a stretch may have: `limit`, or where the newest summary leaves more of them, up to
 * `unsummarized`.
 */
export function rangeLimit(
  { last_seq, summary }: { last_seq: number; summary?: { up_to_seq: number } },
  { limit, unsummarized = 0 }: { limit: number; unsummarized?: number | undefined },
): number {
  const left = summary === undefined ? 0 : last_seq - summary.up_to_seq;
  return Math.max(limit, Math.min(unsummarized, left));
}
