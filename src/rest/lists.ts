import { jsonBytes } from '../domain/metadata.ts';
import { OFFSET_MAX, PAGE_LIMIT_MAX } from '../domain/pagination.ts';
import { ANSWER_MAX_BYTES } from './answer-shape.ts';
import { RestError } from './errors.ts';

/** The most records in one answer. */
export const RECORDS_MAX = 10_000;

/** Live records, in the two orders in which the clients expect them. */
export const OLDEST_FIRST = { order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;
export const NEWEST_FIRST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;

interface Page<T> {
  records: T[];
  next_cursor?: string;
  total_count?: number;
}

type PageStart = { limit: number; offset: number } | { limit: number; cursor: string };

/**
 * Reads a part of a list, page by page of a service. Its clients have no way of being told that a list was
 * cut, so one that is too long is refused instead.
 *
 * @param limit the most records; all that there are if `undefined`
 * @param offset how many records are skipped; none by default
 * @throws RestError INVALID_ARGUMENT when the offset is too large, or there are too many records for one answer
 */
export async function readList<T>(
  read: (page: PageStart) => Promise<Page<T>>,
  { limit, offset = 0 }: { limit?: number | undefined; offset?: number | undefined } = {},
): Promise<{ records: T[]; total: number | undefined }> {
  if (offset > OFFSET_MAX) {
    throw new RestError(
      'INVALID_ARGUMENT',
      `The page begins ${offset} records into the list, and at most ${OFFSET_MAX} can be skipped.`,
    );
  }
  const records: T[] = [];
  const most = Math.min(limit ?? RECORDS_MAX, RECORDS_MAX);
  let bytes = 0;
  let cursor: string | undefined;
  let total: number | undefined;
  do {
    const size = Math.min(most - records.length, PAGE_LIMIT_MAX);
    const page = await read(
      cursor === undefined ? { limit: size, offset } : { limit: size, cursor },
    );
    total ??= page.total_count;
    records.push(...page.records);
    bytes += jsonBytes(page.records);
    cursor = page.next_cursor;
  } while (cursor !== undefined && records.length < most && bytes < ANSWER_MAX_BYTES);
  const isCut = cursor !== undefined && (limit === undefined || records.length < limit);
  if (isCut) {
    throw new RestError(
      'INVALID_ARGUMENT',
      `There is more than one answer may hold, which is ${RECORDS_MAX} records and ${ANSWER_MAX_BYTES} bytes. Ask for less at once, page by page.`,
    );
  }
  return { records, total };
}
