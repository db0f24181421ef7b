import type { Json, JsonObject } from '../../domain/metadata.ts';

/**
 * The prefix of stored keys that would otherwise have a meaning:
 * - keys that begin with `$`, which is an operator for the server, and may be a reference for the driver
 *   (`$ref` with `$id`);
 * - keys that every JavaScript object inherits, such as `constructor`: the driver looks them up in its
 *   options;
 * - keys that begin with this character.
 */
const ESCAPE = '\uFF04';

/**
 * Metadata as it is stored. Objects become Maps, because the driver takes an object with a key
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

/** The inverse of `encodeMetadata`. */
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
