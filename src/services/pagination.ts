import {
  cutPage,
  encodeCursor,
  isLongList,
  type PageArguments,
  toPageRequest,
} from '../domain/pagination.ts';
import type { Session, User } from '../domain/records.ts';
import type { Listed, ListPageRequest, ListQuery } from '../store/port.ts';
import type { AnswerShape } from './dependencies.ts';

export interface ListArguments extends ListQuery, PageArguments {
  include_total?: boolean | undefined;
}

export interface Page<T> {
  records: T[];
  next_cursor?: string;
  total_count?: number;
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
  { fingerprint, read, queue }: ListSource<T>,
  answer: AnswerShape,
): Promise<Page<T>> {
  const query = [...fingerprint, list.order_by, list.order, list.deleted];
  const request = toPageRequest(list, query);
  const wanted = {
    ...request,
    limit: request.limit + 1,
    metadataMaxBytes: answer.metadataMaxBytes,
    ...(list.include_total === true && { total: true }),
  };
  const readOnce = () => read(wanted);
  const { records, total } = await (isLongList(wanted) ? queue(readOnce) : readOnce());
  const shown = records.map((record) => answer.record(record));
  const { page, cut } = cutPage(shown, request.limit, answer.pageMaxBytes);
  const last = page.at(-1);
  const position = last && { value: Date.parse(last[list.order_by]), key: last.uuid };
  return {
    records: page,
    ...(cut && position !== undefined && { next_cursor: encodeCursor(position, query) }),
    ...(total !== undefined && { total_count: total }),
  };
}
