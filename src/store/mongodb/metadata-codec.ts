import type { Json, JsonObject } from '../../domain/metadata.ts';

/**
 * Stands before a stored key that would otherwise mean something: one that begins with `$`, to the
 * server an operator and to the driver a reference (`$ref` with `$id`); one that every JavaScript
 * object inherits, such as `constructor`, which the driver looks up in its options; and one that
 * begins with this character itself.
 */
const ESCAPE = '\uFF04';

/**
 * Metadata as it is stored. Objects become Maps, since the driver takes an object that has a key
 * `_bsontype` for one of its own types.
 */
export function encodeMetadata(value: Json): unknown {
  if (Array.isArray(value)) return value.map(encodeMetadata);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(
    Object.entries(value).map(([key, child]) => [encodeKey(key), encodeMetadata(child)]),
  );
}

export function encodeKey(key: string): string {
  const special = key.startsWith('$') || key.startsWith(ESCAPE) || key in Object.prototype;
  return special ? ESCAPE + key : key;
}

/** Metadata as it was before `toStored`. */
export function decodeMetadata(value: unknown): JsonObject {
  return decoded(value as Json) as JsonObject;
}

function decoded(value: Json): Json {
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key.startsWith(ESCAPE) ? key.slice(1) : key,
      decoded(child),
    ]),
  );
}
