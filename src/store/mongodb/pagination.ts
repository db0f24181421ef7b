import type { Collection, Document, Filter } from 'mongodb';
import type { PageRequest } from '../../domain/pagination.ts';
import type { Listed, ListPageRequest, ListQuery } from '../port.ts';

interface Listable extends Document {
  _id: string;
  live: boolean | null;
}

/**
 * Reads one page of a collection.
 *
 * @param index has the fields of the filter, `live`, the order and `_id`
 * @param fields what to read beside the metadata
 */
export async function findPage<T extends Listable>(
  collection: Collection<T>,
  filter: Filter<T>,
  query: ListQuery,
  page: ListPageRequest,
  index: string,
  fields: readonly string[],
): Promise<Listed<T>> {
  const direction = query.order === 'asc' ? 1 : -1;
  const all = listed(filter, query);
  const match = { ...all, ...behindCursor(query, page) };
  const sort = { [query.order_by]: direction, _id: direction } as const;
  const project = projection(fields, page.metadataMaxBytes);
  const offset = 'offset' in page ? page.offset : 0;
  if (!page.total) {
    const found = collection
      .find(match as Filter<T>)
      .project(project)
      .hint(index)
      .sort(sort);
    const records = await found.skip(offset).limit(page.limit).toArray();
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
        { $limit: page.limit },
        { $project: project },
        { $unionWith: counted },
      ],
      // One more than there can be, so that the first batch has all of them.
      { hint: index, batchSize: page.limit + 2 },
    )
    .toArray();
  const count = rows.find((row) => 'total' in row)?.total;
  const records = rows.filter((row): row is T => !('total' in row));
  // `$unionWith` guarantees no order.
  records.sort((a, b) => direction * compare(a, b, query.order_by));
  // `$count` yields no document for an empty list.
  return { records, total: (count as number | undefined) ?? 0 };
}

/** The order of the index: by time, then by `_id`, whose characters are ASCII. */
function compare(a: Listable, b: Listable, by: ListQuery['order_by']): number {
  return a[by] - b[by] || (a._id < b._id ? -1 : 1);
}

const listed = (filter: Document, { deleted }: ListQuery): Document => ({
  ...filter,
  live: deleted === 'exclude',
});

/** A projection to some fields and the metadata. Metadata that is too large is replaced by its size. */
export function projection(fields: readonly string[], metadataMaxBytes: number): Document {
  const bytes = { $bsonSize: '$metadata' };
  return {
    ...Object.fromEntries(fields.map((field) => [field, 1])),
    metadata: { $cond: [{ $gt: [bytes, metadataMaxBytes] }, bytes, '$metadata'] },
  };
}

/**
 * The condition for what comes after the cursor. The range bounds the scan of the index; the `$or`
 * drops records of the cursor's own millisecond that come before it.
 */
function behindCursor({ order_by, order }: ListQuery, page: PageRequest): Document {
  if (!('after' in page) || page.after === undefined) return {};
  const { key } = page.after;
  const value = new Date(page.after.value);
  return order === 'asc'
    ? { [order_by]: { $gte: value }, $or: [{ [order_by]: { $gt: value } }, { _id: { $gt: key } }] }
    : { [order_by]: { $lte: value }, $or: [{ [order_by]: { $lt: value } }, { _id: { $lt: key } }] };
}

/** Finds up to `limit` identifiers of live documents that start with `prefix`, in order. */
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
