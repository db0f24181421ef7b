import { derivedUuid } from '../../../domain/derived-uuid.ts';
import type { FactSource } from '../../../domain/facts.ts';
import { isObject, type Json, type JsonObject } from '../../../domain/metadata.ts';

/** How many messages a fact names that say it: those that were named last. */
const SOURCES_MAX = 20;

/** A message that says a fact, and when it was named. */
export interface StoredSource extends FactSource {
  at: string;
}

/** Sources as a fact stores them that is stated with them at a time. */
export const namedAt = (at: string, sources: readonly FactSource[]): StoredSource[] =>
  inOrder(sources.map((one) => ({ ...one, at })));

/** @returns `known` itself if it has all of them */
export function withSources(
  known: StoredSource[] | undefined,
  added: readonly StoredSource[] = [],
): StoredSource[] | undefined {
  const keys = new Set(known?.map(keyOf));
  const news = added.filter((one) => !keys.has(keyOf(one)));
  return news.length === 0 ? known : inOrder([...(known ?? []), ...news]);
}

/** Those that were named last, and are kept. */
export const keptSources = (sources: readonly StoredSource[] = []): StoredSource[] =>
  sources.slice(-SOURCES_MAX);

/**
 * Sources as a fact stores them: each has a key to itself, so that those of two calls at once are merged. Those
 * that are not kept are removed.
 */
export function sourcesPatch(sources: readonly StoredSource[]): JsonObject {
  const dropped = sources.slice(0, -SOURCES_MAX);
  return Object.fromEntries([
    ...dropped.map((one) => [keyOf(one), null]),
    ...keptSources(sources).map((one) => [keyOf(one), { ...one }]),
  ]);
}

/**
 * The sources that a fact has stored, the one that was named last at the end. Calls at once can leave more than
 * are kept; the next one removes them.
 *
 * @returns `undefined` if it has none
 */
export function readSources(stored: Json | undefined): StoredSource[] | undefined {
  if (!isObject(stored)) return undefined;
  const sources = Object.values(stored).filter(isObject) as (JsonObject & StoredSource)[];
  return sources.length === 0 ? undefined : inOrder(sources);
}

const keyOf = ({ session_id, uuid }: FactSource): string => derivedUuid('source', session_id, uuid);

/** Messages that one call names are in the order of their uuids, which is that of time. */
const inOrder = (sources: readonly StoredSource[]): StoredSource[] =>
  sources.toSorted((a, b) => compare(a.at, b.at) || compare(a.uuid, b.uuid));

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);
