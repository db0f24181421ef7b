import type { z } from 'zod';
import type { Context } from './tool.ts';

/** A resource's URI, taken apart. */
export interface ResourceName {
  id: string;
  /** The values of its query, where the kind has one. */
  query: Readonly<Record<string, string>>;
}

/** A kind of resource: a URI template with one identifier, and perhaps a query that pages. */
export interface ResourceKind {
  name: string;
  title: string;
  description: string;
  /** RFC 6570: `scheme://{variable}`, a path and a query `{?name}` may follow. */
  uriTemplate: string;
  variable: string;
  mimeType: string;
  /** The URI of one resource, its identifier percent-encoded. */
  uri(id: string): string;
  /** A URI of this kind taken apart, or `undefined` if it is of another, or malformed. */
  match(uri: string): ResourceName | undefined;
  /** The text of one resource. */
  read(name: ResourceName, context: Context): Promise<string>;
  /** Up to `limit` identifiers that start with `prefix`. */
  complete(prefix: string, limit: number, context: Context): Promise<string[]>;
}

interface Definition extends Omit<ResourceKind, 'uri' | 'match' | 'uriTemplate'> {
  identifier: z.ZodType<string>;
  /** The URI template without its query. */
  path: string;
  /** The name of what the query may hold. */
  query?: string;
}

export function defineResource({ identifier, path, query, ...kind }: Definition): ResourceKind {
  const [before, after] = path.split(`{${kind.variable}}`) as [string, string];
  return {
    ...kind,
    uriTemplate: query === undefined ? path : `${path}{?${query}}`,
    uri: (id) => `${before}${encodeURIComponent(id)}${after}`,
    // By hand, not by `new URL`, which rewrites hosts and would change some identifiers.
    match(uri) {
      const [address = '', search, ...rest] = uri.split('?');
      if (rest.length > 0 || !address.startsWith(before) || !address.endsWith(after)) {
        return undefined;
      }
      const encoded = address.slice(before.length, address.length - after.length);
      const id = /[/#]/.test(encoded) ? undefined : decoded(encoded);
      if (id === undefined || !identifier.safeParse(id).success) return undefined;
      const values = Object.fromEntries(new URLSearchParams(search ?? ''));
      const known = Object.keys(values).every((name) => name === query);
      return known ? { id, query: values } : undefined;
    },
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
