import type { Listed, ListPageRequest, ListQuery } from '../port.ts';
import type { Connection, Row } from './connection/index.ts';

/** Part of a query, with the values of its parameters. */
export interface Sql {
  sql: string;
  values: unknown[];
}

/**
 * One page of a table that has an index on `filter`, `live`, the order and the uuid.
 *
 * @param columns include `LISTED_METADATA` in the place of the metadata
 * @param filter a condition on the table's leading columns
 */
export function findPage<T>(
  connection: Connection,
  { table, columns, toRecord }: { table: string; columns: string; toRecord: (row: Row) => T },
  filter: Sql,
  query: ListQuery,
  page: ListPageRequest,
): Listed<T> {
  const { sql, values } = selectPage(`SELECT ${columns} FROM ${table}`, filter, query, page);
  const records = () =>
    connection
      .statement(sql)
      .all(...values)
      .map(toRecord);
  if (!page.total) return { records: records() };
  const live = query.deleted === 'exclude' ? 1 : 0;
  const count = `SELECT count(*) FROM ${table} WHERE ${filter.sql} AND live = ?`;
  const total = connection.statement(count).get(...filter.values, live)?.[0];
  return { records: records(), total: Number(total) };
}

function selectPage(
  select: string,
  filter: Sql,
  { order_by, order, deleted }: ListQuery,
  page: ListPageRequest,
): Sql {
  const by = order_by === 'created_at' ? 'created_at' : 'updated_at';
  const direction = order === 'asc' ? 'ASC' : 'DESC';
  const base = `${select} WHERE ${filter.sql} AND live = ?`;
  const sorted = `ORDER BY ${by} ${direction}, uuid ${direction} LIMIT ?`;
  const values = [page.metadataMaxBytes, ...filter.values, deleted === 'exclude' ? 1 : 0];
  if ('offset' in page) {
    return { sql: `${base} ${sorted} OFFSET ?`, values: [...values, page.limit, page.offset] };
  }
  if (page.after === undefined) {
    return { sql: `${base} ${sorted}`, values: [...values, page.limit] };
  }
  return {
    sql: `${base} AND (${by}, uuid) ${order === 'asc' ? '>' : '<'} (?, ?) ${sorted}`,
    values: [...values, page.after.value, page.after.key, page.limit],
  };
}

/** Selects the identifiers for `findIdentifiers`. */
export const selectIdentifiers = (table: string, column: string) =>
  `SELECT ${column} FROM ${table}
  WHERE namespace = ? AND ${column} >= ? AND ${column} < ? AND deleted_at IS NULL
  ORDER BY ${column} LIMIT ?`;

/**
 * Up to `limit` identifiers of live records that start with `prefix`, in the order of their bytes.
 *
 * @param sql from `selectIdentifiers`
 */
export function findIdentifiers(
  connection: Connection,
  sql: string,
  namespace: string,
  prefix: string,
  limit: number,
): string[] {
  // No character sorts behind U+10FFFF.
  const end = `${prefix}\u{10FFFF}\u{10FFFF}`;
  const rows = connection.statement(sql).all(namespace, prefix, end, limit);
  return rows.map(([identifier]) => identifier as string);
}
