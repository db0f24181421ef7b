import type { Json, JsonObject } from '../../domain/metadata.ts';

/**
 * Stands before a stored key that begins with `$`, or with itself. Such keys would otherwise mean
 * something: to the server as operators, to the driver as references (`$ref` with `$id`).
 */
const ESCAPE = '\uFF04';

/**
 * Metadata as it is stored. Objects become Maps, since the driver takes an object that has a key
 * `_bsontype` for one of its own types.
 */
export function toStored(value: Json): unknown {
  if (Array.isArray(value)) return value.map(toStored);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, child]) => [toStoredKey(key), toStored(child)]));
}

export function toStoredKey(key: string): string {
  return key.startsWith('$') || key.startsWith(ESCAPE) ? ESCAPE + key : key;
}

/** Metadata as it was before `toStored`. */
export function fromStored(value: unknown): JsonObject {
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
