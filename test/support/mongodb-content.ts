import type { Db } from 'mongodb';

/**
 * All that is in a database: its collections with their options, indexes and documents. Two of them are
 * equal if nothing was written in between.
 */
export async function contentOf(db: Db): Promise<Record<string, unknown>> {
  const content: Record<string, unknown> = {};
  for (const { name, type, options } of await db
    .listCollections({}, { nameOnly: false })
    .toArray()) {
    if (name.startsWith('system.')) continue;
    const collection = db.collection(name);
    content[name] = {
      type,
      options,
      indexes: type === 'view' ? [] : await collection.indexes(),
      documents: await collection.find().sort({ _id: 1 }).toArray(),
    };
  }
  return content;
}

/** Documents as another application may have them, all of which were deleted long ago. */
export const foreignDocuments = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: `foreign ${i}`,
    deleted_at: new Date(Date.now() - 30 * 86_400_000),
    // Fields of ours, for an index that goes by them.
    empty: true,
    live: false,
  }));
