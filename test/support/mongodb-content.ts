import type { Db } from 'mongodb';

/**
 * The content of a database: its collections with their options, indexes and documents. Two contents
 * are equal if nothing was written in between.
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

/** Documents of another application, with an old `deleted_at`. */
export const foreignDocuments = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: `foreign ${i}`,
    deleted_at: new Date(Date.now() - 30 * 86_400_000),
    // Fields with names of our own, which our indexes would include.
    empty: true,
    live: false,
  }));
