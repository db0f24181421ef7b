import type { z } from 'zod';
import type { Context } from '../tool.ts';

/** A parsed resource URI. */
interface ResourceName {
  /** The values of the template's variables. */
  ids: Readonly<Record<string, string>>;
  /** The values of its query parameters, if the kind has any. */
  query: Readonly<Record<string, string>>;
}

/** Finds up to `limit` identifiers that start with `prefix`. */
export type Completer = (prefix: string, limit: number, context: Context) => Promise<string[]>;

interface Description {
  name: string;
  title: string;
  description: string;
  mimeType: string;
  /** The text of one resource. */
  read(name: ResourceName, context: Context): Promise<string>;
  /** Completers by variable. */
  complete: Readonly<Record<string, Completer>>;
}

/** A kind of resource: a URI template whose variables are identifiers. */
export interface ResourceKind extends Description {
  /** RFC 6570: `scheme://{variable}`, a path and a query `{?name}` may follow. */
  uriTemplate: string;
  /** The URI of one resource, its identifiers percent-encoded. */
  uri(ids: Readonly<Record<string, string>>): string;
  /** Parses a URI of this kind; `undefined` if it is of another kind or malformed. */
  match(uri: string): ResourceName | undefined;
}

interface Definition extends Description {
  /** The URI template without its query. */
  path: string;
  /** The schema of each path variable. */
  variables: Readonly<Record<string, z.ZodType<string>>>;
  /** The name of the query parameter. */
  query?: string;
}

/**
 * The longest URI of a resource, in characters. Two identifiers of the longest kind fit, with every
 * byte percent-encoded: 6,144 characters.
 */
export const URI_MAX = 8192;

export function defineResource({ path, variables, query, ...rest }: Definition): ResourceKind {
  // Not parsed with `new URL`, which rewrites hosts and would change some identifiers.
  const pattern = new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/?#]+)')}$`);
  return {
    ...rest,
    uriTemplate: query === undefined ? path : `${path}{?${query}}`,
    uri: (ids) =>
      path.replace(/\{(\w+)\}/g, (_, variable) => encodeURIComponent(ids[variable] as string)),
    match(uri) {
      if (uri.length > URI_MAX) return undefined;
      const [address = '', search, ...more] = uri.split('?');
      const found = more.length === 0 ? pattern.exec(address)?.groups : undefined;
      if (found === undefined) return undefined;
      const ids: Record<string, string> = {};
      for (const [variable, schema] of Object.entries(variables)) {
        const id = schema.safeParse(decoded(found[variable] as string));
        if (!id.success) return undefined;
        ids[variable] = id.data;
      }
      const values = Object.fromEntries(new URLSearchParams(search ?? ''));
      const known = Object.keys(values).every((name) => name === query);
      return known ? { ids, query: values } : undefined;
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
