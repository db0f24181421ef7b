import type { Collection, Document, Filter } from 'mongodb';
import type { PageRequest } from '../../domain/pagination.ts';
import type { Listed, ListPageRequest, ListQuery } from '../port.ts';

interface Listable extends Document {
  _id: string;
  live: boolean | null;
}

/**
 * One page of a collection that has an index on the filter, `live`, the order and `_id`.
 *
 * @param fields what is read beside the metadata
 */
export async function findPage<T extends Listable>(
  collection: Collection<T>,
  filter: Filter<T>,
  query: ListQuery,
  window: ListPageRequest,
  index: string,
  fields: readonly string[],
): Promise<Listed<T>> {
  const direction = query.order === 'asc' ? 1 : -1;
  const all = listed(filter, query);
  const match = { ...all, ...behind(query, window) };
  const sort = { [query.order_by]: direction, _id: direction } as const;
  const project = projection(fields, window.metadataMaxBytes);
  const offset = 'offset' in window ? window.offset : 0;
  if (!window.total) {
    const page = collection
      .find(match as Filter<T>)
      .project(project)
      .hint(index)
      .sort(sort);
    const records = await page.skip(offset).limit(window.limit).toArray();
    return { records: records as unknown as T[] };
  }
  const counted = {
    coll: collection.collectionName,
    pipeline: [{ $match: all }, { $count: 'total' }],
  };
  const rows = await collection
    .aggregate<T | { total: number }>(
      [
        { $match: match },
        { $sort: sort },
        ...(offset > 0 ? [{ $skip: offset }] : []),
        { $limit: window.limit },
        { $project: project },
        { $unionWith: counted },
      ],
      // More than there can be, so that one answer has all of it.
      { hint: index, batchSize: window.limit + 2 },
    )
    .toArray();
  const count = rows.find((row) => 'total' in row)?.total;
  const records = rows.filter((row): row is T => !('total' in row));
  // A union promises no order.
  records.sort((a, b) => direction * compare(a, b, query.order_by));
  // Of nothing there is no count.
  return { records, total: (count as number | undefined) ?? 0 };
}

/** The order of an index: a time, and in one millisecond `_id`, by its bytes, which are ASCII. */
function compare(a: Listable, b: Listable, by: ListQuery['order_by']): number {
  return a[by] - b[by] || (a._id < b._id ? -1 : 1);
}

const listed = (filter: Document, { deleted }: ListQuery): Document => ({
  ...filter,
  live: deleted === 'exclude',
});

/** The fields, and the metadata, or how many bytes it takes where those are too many. */
export function projection(fields: readonly string[], metadataMaxBytes: number): Document {
  const bytes = { $bsonSize: '$metadata' };
  return {
    ...Object.fromEntries(fields.map((field) => [field, 1])),
    metadata: { $cond: [{ $gt: [bytes, metadataMaxBytes] }, bytes, '$metadata'] },
  };
}

/**
 * What lies behind the cursor. The range keeps the scan to one stretch of one index; the condition
 * beside it only drops records of the very same millisecond.
 */
function behind({ order_by, order }: ListQuery, window: PageRequest): Document {
  if (!('after' in window) || window.after === undefined) return {};
  const { key } = window.after;
  const value = new Date(window.after.value);
  return order === 'asc'
    ? { [order_by]: { $gte: value }, $or: [{ [order_by]: { $gt: value } }, { _id: { $gt: key } }] }
    : { [order_by]: { $lte: value }, $or: [{ [order_by]: { $lt: value } }, { _id: { $lt: key } }] };
}

/** Up to `limit` values of an identifier of live documents that start with `prefix`, in order. */
export async function findIdentifiers<T extends Listable>(
  collection: Collection<T>,
  namespace: string,
  field: string,
  prefix: string,
  limit: number,
  index: string,
): Promise<string[]> {
  // No character sorts behind U+10FFFF.
  const range = { $gte: prefix, $lt: `${prefix}\u{10FFFF}\u{10FFFF}` };
  const found = await collection
    .find({ namespace, live: true, [field]: range } as unknown as Filter<T>)
    .hint(index)
    .sort({ [field]: 1 })
    .limit(limit)
    .project<Record<string, string>>({ _id: 0, [field]: 1 })
    .toArray();
  return found.map((document) => document[field] as string);
}
