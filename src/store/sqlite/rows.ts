import { DomainError } from '../../domain/errors.ts';
import { type JsonObject, mergeWithinLimit } from '../../domain/metadata.ts';
import { timestamp } from '../../domain/times.ts';
import type { Listed, ListPageRequest, ListQuery } from '../port.ts';
import type { Connection, Row } from './connection/index.ts';

/** RFC 3339 for a time as it is stored, in milliseconds since 1970. */
export const time = (milliseconds: unknown) => timestamp(milliseconds as number);

/** The last millisecond that a date can hold. */
export const END_OF_TIME = 8.64e15;

/**
 * Metadata as it is stored, in JSON, after a patch.
 *
 * @throws DomainError INTERNAL if what is stored is damaged
 */
export function mergeStored(stored: unknown, patch: JsonObject): string {
  const metadata = parse(stored);
  if (metadata === undefined) throw damagedMetadata();
  return JSON.stringify(mergeWithinLimit(metadata, patch));
}

/** A merge would throw away what can still be made out in it. */
export const damagedMetadata = () =>
  new DomainError(
    'INTERNAL',
    'The metadata of this record is damaged in the session file, and nothing was changed. It comes back if the file is restored from a backup.',
  );

function parse(stored: unknown): JsonObject | undefined {
  try {
    return JSON.parse(stored as string);
  } catch {
    return undefined;
  }
}

/** A metadata column for lists: JSON, or how many bytes it takes where those are too many. */
export const listedMetadata = 'iif(octet_length(metadata) > ?, octet_length(metadata), metadata)';

/**
 * The metadata of a row, whether it was read whole or by `listedMetadata`. What is damaged is left out:
 * the rest of the record, and of a list, is none the worse for it.
 */
export function metadataOf(stored: unknown): {
  metadata: JsonObject;
  metadata_omitted_bytes?: number;
} {
  if (typeof stored === 'number') return { metadata: {}, metadata_omitted_bytes: stored };
  const metadata = parse(stored);
  return metadata === undefined
    ? { metadata: {}, metadata_omitted_bytes: Buffer.byteLength(stored as string) }
    : { metadata };
}

/** Part of a query, with the values of its parameters. */
export interface Sql {
  sql: string;
  values: unknown[];
}

/**
 * One page of a table that has an index on `filter`, `live`, the order and the uuid.
 *
 * @param columns have `listedMetadata` for the metadata
 * @param filter a condition on the table's leading columns
 */
export function readPage<T>(
  connection: Connection,
  { table, columns, toRecord }: { table: string; columns: string; toRecord: (row: Row) => T },
  filter: Sql,
  query: ListQuery,
  window: ListPageRequest,
): Listed<T> {
  const page = selectPage(`SELECT ${columns} FROM ${table}`, filter, query, window);
  const records = () =>
    connection
      .statement(page.sql)
      .all(...page.values)
      .map(toRecord);
  if (!window.total) return { records: records() };
  const live = query.deleted === 'exclude' ? 1 : 0;
  const count = `SELECT count(*) FROM ${table} WHERE ${filter.sql} AND live = ?`;
  return connection.inOneSnapshot(() => {
    const total = connection.statement(count).get(...filter.values, live)?.[0];
    return { records: records(), total: Number(total) };
  });
}

function selectPage(
  select: string,
  filter: Sql,
  { order_by, order, deleted }: ListQuery,
  window: ListPageRequest,
): Sql {
  const by = order_by === 'created_at' ? 'created_at' : 'updated_at';
  const direction = order === 'asc' ? 'ASC' : 'DESC';
  const base = `${select} WHERE ${filter.sql} AND live = ?`;
  const sorted = `ORDER BY ${by} ${direction}, uuid ${direction} LIMIT ?`;
  const values = [window.metadataMaxBytes, ...filter.values, deleted === 'exclude' ? 1 : 0];
  if ('offset' in window) {
    return { sql: `${base} ${sorted} OFFSET ?`, values: [...values, window.limit, window.offset] };
  }
  if (window.after === undefined) {
    return { sql: `${base} ${sorted}`, values: [...values, window.limit] };
  }
  return {
    sql: `${base} AND (${by}, uuid) ${order === 'asc' ? '>' : '<'} (?, ?) ${sorted}`,
    values: [...values, window.after.value, window.after.key, window.limit],
  };
}

/** Above every text with the given prefix: no character sorts behind U+10FFFF. */
export const abovePrefix = (prefix: string) => `${prefix}\u{10FFFF}\u{10FFFF}`;
