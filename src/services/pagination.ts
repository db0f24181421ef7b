import {
  cutPage,
  encodeCursor,
  isLongList,
  type PageArguments,
  toPageRequest,
} from '../domain/pagination.ts';
import { METADATA_SHOWN_BYTES } from '../mcp/answer/truncate.ts';
import type { Listed, ListPageRequest, ListQuery } from '../store/port.ts';
import { PAGE_MAX_BYTES } from './dependencies.ts';

export interface ListArguments extends ListQuery, PageArguments {
  include_total?: boolean | undefined;
}

export interface Page<T> {
  records: T[];
  next_cursor?: string;
  total_count?: number;
}

/** What a list takes from its store. */
export type Source<T> = (window: ListPageRequest) => Promise<Listed<T>>;

/**
 * One page of a list of records that are ordered by a time.
 *
 * @param fingerprint everything that the list depends on: its cursors are good for no other
 * @param fit makes a record small enough for a page
 * @param turn runs a list that takes long when its turn comes
 * @throws DomainError INVALID_ARGUMENT for a bad cursor or a mix of both ways of paging
 */
export async function listPage<T extends { uuid: string; created_at: string; updated_at: string }>(
  list: ListArguments,
  fingerprint: readonly unknown[],
  source: Source<T>,
  fit: (record: T) => T,
  turn: (list: () => Promise<Listed<T>>) => Promise<Listed<T>>,
): Promise<Page<T>> {
  const query = [...fingerprint, list.order_by, list.order, list.deleted];
  const window = toPageRequest(list, query);
  const wanted = {
    ...window,
    limit: window.limit + 1,
    metadataMaxBytes: METADATA_SHOWN_BYTES,
    ...(list.include_total === true && { total: true }),
  };
  const read = () => source(wanted);
  const { records, total } = await (isLongList(wanted) ? turn(read) : read());
  const { page, cut } = cutPage(records.map(fit), window.limit, PAGE_MAX_BYTES);
  const last = page.at(-1);
  const position = last && { value: Date.parse(last[list.order_by]), key: last.uuid };
  return {
    records: page,
    ...(cut && position !== undefined && { next_cursor: encodeCursor(position, query) }),
    ...(total !== undefined && { total_count: total }),
  };
}
