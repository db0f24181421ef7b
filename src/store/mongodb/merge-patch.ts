import { isDeepStrictEqual } from 'node:util';
import type { Collection, Document, Filter } from 'mongodb';
import {
  isObject,
  type JsonObject,
  METADATA_MAX_BYTES,
  mergePatch,
  mergeWithinLimit,
} from '../../domain/metadata.ts';
import { decodeMetadata, encodeKey, encodeMetadata } from './metadata-codec.ts';

/**
 * Metadata up to this size as BSON is within the limit as JSON, whatever is in it: one byte of BSON
 * becomes at most six of JSON (a control character, `\u0001`).
 */
const SAFE_BSON_BYTES = Math.floor(METADATA_MAX_BYTES / 6);

/** The server applies patches of at most so many objects: larger ones are cheaper to merge here. */
const MAX_OBJECTS = 500;

/** A document whose metadata can be merged. `revision` counts the changes of its metadata. */
export interface Mergeable {
  metadata: unknown;
  revision: number;
  updated_at: Date;
}

/**
 * Merges `patch` (RFC 7396) into the metadata of the document that `filter` finds, in one atomic update.
 *
 * The server merges as long as the result is certain to be within the size limit. Larger metadata is
 * merged here, where its size as JSON can be measured, and written if nobody has changed it meanwhile.
 *
 * @param fields what else to set in the same update; `null` removes a field
 * @returns the document after the update, or `null` if the filter matches none
 * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
 */
export async function mergeMetadata<T extends Mergeable>(
  collection: Collection<T>,
  filter: Filter<T>,
  patch: JsonObject,
  at: Date,
  fields: Fields = {},
): Promise<T | null> {
  const pipeline = mergePipeline(patch, at, fields);
  if (pipeline !== undefined) {
    const options = { returnDocument: 'after' } as const;
    const after = (await collection.findOneAndUpdate(filter, pipeline, options)) as T | null;
    if (after === null || includesPatch(after, patch, fields)) return after;
  }

  for (;;) {
    const current = (await collection.findOne(filter)) as (T & { _id: string }) | null;
    if (current === null) return null;
    const merged = mergeWithinLimit(decodeMetadata(current.metadata), patch);
    const { set, unset } = split(fields);
    const update = {
      $set: { ...set, metadata: encodeMetadata(merged) },
      $max: { updated_at: at },
      $inc: { revision: 1 },
      ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map((name) => [name, ''])) }),
    };
    const updated = await collection.findOneAndUpdate(
      // With the _id: another document may have taken its identifier, and have the same revision.
      { ...filter, _id: current._id, revision: current.revision },
      update as Document,
      { returnDocument: 'after' },
    );
    if (updated !== null) return updated as T;
  }
}

/** Fields beside the metadata; `null` stands for their removal. */
export type Fields = Readonly<Record<string, string | null>>;

function split(fields: Fields) {
  const entries = Object.entries(fields);
  return {
    set: Object.fromEntries(entries.filter(([, value]) => value !== null)),
    unset: entries.filter(([, value]) => value === null).map(([name]) => name),
  };
}

/** Whether the server applied the change: applying it again would change nothing. */
function includesPatch(document: Mergeable, patch: JsonObject, fields: Fields): boolean {
  const metadata = decodeMetadata(document.metadata);
  const current = document as unknown as Record<string, unknown>;
  return (
    Object.entries(fields).every(([name, value]) => (current[name] ?? null) === value) &&
    isDeepStrictEqual(mergePatch(metadata, patch), metadata)
  );
}

/** An object within a patch, and the object of the metadata that it is merged into. */
interface PatchNode {
  /** The field below `merging` that holds that object, and then the merged one. */
  name: string;
  /** The expression that finds it. The value may be of any type, except for the root. */
  source: unknown;
  patch: JsonObject;
  children: { key: string; name: string }[];
}

/**
 * A merge patch (RFC 7396) as an update pipeline.
 *
 * Every object in the patch has a field below `merging`. On the way down, one stage per level finds the
 * objects to merge into; on the way up, one stage per level merges them. Nested expressions would reach
 * the server's limit on nesting at a dozen levels of metadata.
 *
 * @returns `undefined` for a patch of more than `MAX_OBJECTS` objects
 */
export function mergePipeline(
  patch: JsonObject,
  at: Date,
  fields: Fields = {},
): Document[] | undefined {
  const levels = patchLevels(patch);
  const objects = levels.reduce((sum, nodes) => sum + nodes.length, 0);
  if (objects > MAX_OBJECTS) return undefined;
  const down = levels.slice(1).map((nodes) => set(nodes, counterpart));
  const up = levels.toReversed().map((nodes) => set(nodes, merged));
  const fits = { $lte: [{ $bsonSize: '$merging.n0' }, SAFE_BSON_BYTES] };
  const beside = Object.entries(fields).map(([name, value]) => [
    name,
    {
      $cond: [
        fits,
        value === null ? '$$REMOVE' : { $literal: value },
        { $ifNull: [`$${name}`, '$$REMOVE'] },
      ],
    },
  ]);
  return [
    ...down,
    ...up,
    {
      $set: {
        ...Object.fromEntries(beside),
        metadata: { $cond: [fits, '$merging.n0', '$metadata'] },
        updated_at: { $cond: [fits, { $max: ['$updated_at', at] }, '$updated_at'] },
        revision: { $cond: [fits, { $add: ['$revision', 1] }, '$revision'] },
      },
    },
    { $unset: 'merging' },
  ];
}

function patchLevels(patch: JsonObject): PatchNode[][] {
  let count = 0;
  const node = (source: unknown, part: JsonObject): PatchNode => ({
    name: `n${count++}`,
    source,
    patch: part,
    children: [],
  });
  const levels = [[node('$metadata', patch)]];
  for (let level = levels[0]; level !== undefined && level.length > 0; level = levels.at(-1)) {
    const next: PatchNode[] = [];
    for (const parent of level) {
      const input = parent.name === 'n0' ? '$metadata' : `$merging.${parent.name}`;
      for (const [key, value] of Object.entries(parent.patch)) {
        if (!isObject(value)) continue;
        const field = { $literal: encodeKey(key) };
        const child = node({ $getField: { field, input } }, value);
        parent.children.push({ key, name: child.name });
        next.push(child);
      }
    }
    levels.push(next);
  }
  return levels.slice(0, -1);
}

function set(nodes: PatchNode[], expression: (node: PatchNode) => unknown): Document {
  return {
    $set: Object.fromEntries(nodes.map((node) => [`merging.${node.name}`, expression(node)])),
  };
}

function counterpart({ source }: PatchNode): unknown {
  return { $cond: [{ $eq: [{ $type: source }, 'object'] }, source, { $literal: {} }] };
}

function merged({ name, patch, children }: PatchNode): unknown {
  const removed: string[] = [];
  const replaced: JsonObject = {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) removed.push(encodeKey(key));
    else if (!isObject(value)) Object.defineProperty(replaced, key, { value, enumerable: true });
  }
  const own = name === 'n0' ? '$metadata' : `$merging.${name}`;
  const nested = children.map((child) => ({
    k: { $literal: encodeKey(child.key) },
    v: `$merging.${child.name}`,
  }));
  return {
    $mergeObjects: [
      removed.length === 0 ? own : without(own, removed),
      { $literal: encodeMetadata(replaced) },
      ...(nested.length === 0 ? [] : [{ $arrayToObject: [nested] }]),
    ],
  };
}

function without(object: string, keys: string[]): unknown {
  const keep = { $not: [{ $in: ['$$this.k', { $literal: keys }] }] };
  return { $arrayToObject: { $filter: { input: { $objectToArray: object }, cond: keep } } };
}
