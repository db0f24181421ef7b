import { z } from 'zod';
import { invalidArgument } from './errors.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** The most that one record's metadata may take, as JSON in UTF-8. */
export const METADATA_MAX_BYTES = 256 * 1024;

/**
 * The deepest nesting of objects and arrays. MongoDB refuses documents nested deeper than 100
 * levels; this leaves room for the record around the metadata.
 */
export const METADATA_MAX_DEPTH = 64;

/** Whether `value` is a JSON object: neither `null` nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The size of a value as JSON in UTF-8, in bytes. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** The most bytes that JSON takes for a UTF-16 code unit (`\u0000`), and for a number, a boolean or null. */
const UNIT_MAX_BYTES = 6;
const SCALAR_MAX_BYTES = 24;

/**
 * At least as many bytes as a value takes as JSON in UTF-8. What this says to be small need not be written
 * as JSON to be measured, which takes several times as long.
 *
 * @param value JSON of bounded depth
 */
export function jsonBytesAtMost(value: unknown): number {
  if (typeof value === 'string') return UNIT_MAX_BYTES * value.length + 2;
  if (typeof value !== 'object' || value === null) return SCALAR_MAX_BYTES;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const entry of value) bytes += jsonBytesAtMost(entry) + 1;
    return bytes;
  }
  // Unlike Object.entries, this makes nothing.
  for (const key in value) {
    bytes += UNIT_MAX_BYTES * key.length + 4 + jsonBytesAtMost((value as JsonObject)[key]);
  }
  return bytes;
}

/** The error text for metadata that is, or would become, `bytes` long. */
function metadataTooLarge(bytes: number): string {
  return `would take ${bytes} bytes as JSON, and at most ${METADATA_MAX_BYTES} are allowed: store less, or remove keys by setting them to null`;
}

/** Returns what is wrong with `value` as metadata, or `undefined`. */
export function metadataProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'must be a JSON object';
  const problem = jsonProblem(value);
  if (problem !== undefined) return problem;
  const bytes = jsonBytes(value);
  return bytes > METADATA_MAX_BYTES ? metadataTooLarge(bytes) : undefined;
}

/**
 * Returns what is wrong with `value` as JSON that both stores keep, or `undefined`. It is iterative,
 * because the values to refuse include nesting that would overflow the call stack.
 */
export function jsonProblem(value: object): string | undefined {
  // Only objects and arrays: there may be a hundred thousand numbers.
  const pending: [node: object, depth: number][] = [[value, 1]];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const [node, depth] = entry;
    const problem = Array.isArray(node) ? undefined : keysProblem(node);
    if (problem !== undefined) return problem;
    for (const child of Array.isArray(node) ? node : Object.values(node)) {
      if (typeof child === 'string') {
        if (!child.isWellFormed()) return 'holds text with a lone surrogate: remove it';
      } else if (typeof child === 'number') {
        if (!Number.isFinite(child)) return 'holds a number that is too large: send it as text';
      } else if (typeof child === 'object' && child !== null) {
        if (depth >= METADATA_MAX_DEPTH) {
          return `nests deeper than ${METADATA_MAX_DEPTH} levels: flatten it`;
        }
        pending.push([child, depth + 1]);
      }
    }
  }
  return undefined;
}

function keysProblem(node: object): string | undefined {
  for (const key of Object.keys(node)) {
    if (key.includes('\0')) return 'has a key with a NUL character (U+0000): rename it';
    if (!key.isWellFormed()) return 'has a key with a lone surrogate: rename it';
  }
  return undefined;
}

/** A schema for metadata: any JSON object within the limits above, keys of every kind included. */
export function metadata(description: string) {
  // Not z.record: it drops a key named `__proto__` and copies what it need not copy.
  return z
    .custom<JsonObject>()
    .superRefine((value, context) => {
      const problem = metadataProblem(value);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .meta({ type: 'object', additionalProperties: true, description });
}

/**
 * Applies a JSON Merge Patch (RFC 7396): objects merge at every depth, `null` removes a key, arrays
 * and scalars replace. Neither argument is changed. Applying the same patch twice is the same as
 * applying it once.
 */
export function mergePatch(target: Json | undefined, patch: JsonObject): JsonObject {
  // Through a Map, since assigning to a key named `__proto__` would lose it.
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, isObject(value) ? mergePatch(merged.get(key), value) : value);
  }
  return Object.fromEntries(merged);
}

/**
 * Like `mergePatch`, for metadata to be stored.
 *
 * @throws DomainError INVALID_ARGUMENT when the result would exceed the size limit
 */
export function mergeWithinLimit(metadata: JsonObject, patch: JsonObject): JsonObject {
  const merged = mergePatch(metadata, patch);
  const bytes = jsonBytes(merged);
  if (bytes > METADATA_MAX_BYTES) throw invalidArgument(`metadata: ${metadataTooLarge(bytes)}`);
  return merged;
}

/**
 * Whether `value` contains `part`: every key of its objects, at every depth; arrays and scalars
 * have to be equal.
 */
export function includesPart(value: Json | undefined, part: Json): boolean {
  if (isObject(part)) {
    return (
      isObject(value) &&
      Object.entries(part).every(
        ([key, child]) => Object.hasOwn(value, key) && includesPart(value[key], child),
      )
    );
  }
  if (!Array.isArray(part)) return value === part;
  return (
    Array.isArray(value) &&
    value.length === part.length &&
    part.every((child, i) => isEqual(value[i], child))
  );
}

function isEqual(a: Json | undefined, b: Json): boolean {
  if (!isObject(a) || !isObject(b)) return includesPart(a, b);
  return Object.keys(a).length === Object.keys(b).length && includesPart(a, b);
}
