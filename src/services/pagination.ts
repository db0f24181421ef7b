import { jsonBytes } from '../domain/metadata.ts';
import {
  cutPage,
  encodeCursor,
  isLongList,
  type PageArguments,
  type Position,
  toPageRequest,
} from '../domain/pagination.ts';
import type { Session, User } from '../domain/records.ts';
import type { Listed, ListPageRequest, ListQuery } from '../store/port.ts';
import type { AnswerShape } from './dependencies.ts';
import { ServiceError } from './errors.ts';
import { createRecordFilter, type RecordFilter } from './record-filter.ts';

export interface ListArguments extends ListQuery, PageArguments, RecordFilter {
  include_total?: boolean | undefined;
}

export interface Page<T> {
  records: T[];
  next_cursor?: string;
  total_count?: number;
  /** How many records a filtered list has looked at, if it has not come to the end. */
  scanned?: number;
}

/** The source of a list. */
export interface ListSource<T> {
  /** All parameters that the list depends on. A cursor is valid for one fingerprint only. */
  fingerprint: readonly unknown[];
  read(page: ListPageRequest): Promise<Listed<T>>;
  /** Runs the read of a long list once it is admitted. */
  queue(read: () => Promise<Listed<T>>): Promise<Listed<T>>;
}

/**
 * One page of a list of sessions or users, ordered by a time.
 *
 * @throws DomainError INVALID_ARGUMENT for a bad cursor or a mix of both ways of paging
 */
export async function listPage<T extends Session | User>(
  list: ListArguments,
  source: ListSource<T>,
  answer: AnswerShape,
): Promise<Page<T>> {
  const { query: words, metadata } = list;
  const filter = createRecordFilter(list);
  const query = [
    ...[...source.fingerprint, list.order_by, list.order, list.deleted],
    ...(filter === undefined ? [] : [words, metadata]),
  ];
  const request = toPageRequest(list, query);
  const positionOf = (record: T): Position => ({
    value: Date.parse(record[list.order_by]),
    key: record.uuid,
  });
  if (filter !== undefined) {
    if (list.include_total === true || 'offset' in request) {
      throw new ServiceError({ kind: 'filtered_list_is_not_counted' });
    }
    const { next, ...page } = await filteredPage(source, request, filter, positionOf, answer);
    return { ...page, ...(next !== undefined && { next_cursor: encodeCursor(next, query) }) };
  }
  const wanted = {
    ...request,
    limit: request.limit + 1,
    metadataMaxBytes: answer.metadataMaxBytes,
    ...(list.include_total === true && { total: true }),
  };
  const readOnce = () => source.read(wanted);
  const { records, total } = await (isLongList(wanted) ? source.queue(readOnce) : readOnce());
  const shown = records.map((record) => answer.record(record));
  const { page, cut } = cutPage(shown, request.limit, answer.pageMaxBytes);
  const last = page.at(-1);
  return {
    records: page,
    ...(cut && last !== undefined && { next_cursor: encodeCursor(positionOf(last), query) }),
    ...(total !== undefined && { total_count: total }),
  };
}

/** How many records a filtered list reads at once, and with how much metadata of each. */
const SCAN_PAGE = 500;
const SCAN_METADATA_MAX_BYTES = 16_384;

/** How long a filtered list looks on, in milliseconds: no index has the words of names. */
const SCAN_MS = 1500;

/**
 * Goes along a list in its order, and keeps what a filter lets through. It ends with the page, the list
 * or its time.
 */
async function filteredPage<T extends Session | User>(
  { read, queue }: ListSource<T>,
  request: { limit: number; after?: Position },
  isWanted: (record: T) => boolean,
  positionOf: (record: T) => Position,
  answer: AnswerShape,
): Promise<{ records: T[]; next?: Position; scanned?: number }> {
  const begun = performance.now();
  const records: T[] = [];
  let { after } = request;
  let scanned = 0;
  let bytes = 0;
  for (;;) {
    const from = after === undefined ? {} : { after };
    const wanted = { ...from, limit: SCAN_PAGE, metadataMaxBytes: SCAN_METADATA_MAX_BYTES };
    const { records: page } = await queue(() => read(wanted));
    for (const record of page) {
      if (isWanted(record)) {
        const shown = answer.record(record);
        bytes += jsonBytes(shown);
        const isFull = records.length === request.limit || bytes > answer.pageMaxBytes;
        if (isFull && records.length > 0) return { records, ...(after && { next: after }) };
        records.push(shown);
      }
      after = positionOf(record);
      scanned++;
    }
    if (page.length < SCAN_PAGE) return { records };
    if (performance.now() - begun > SCAN_MS) {
      return { records, scanned, ...(after && { next: after }) };
    }
  }
}
