import type { z } from 'zod';
import type { ToolContext } from './tool.ts';

/** A kind of resource: a URI template with one variable, which is an identifier. */
export interface ResourceKind {
  name: string;
  title: string;
  description: string;
  /** RFC 6570, level 1: `scheme://{variable}` with an optional path behind. */
  uriTemplate: string;
  variable: string;
  mimeType: string;
  /** The URI of one resource, its identifier percent-encoded. */
  uri(id: string): string;
  /** The identifier in a URI of this kind, or `undefined` if it is of another, or malformed. */
  match(uri: string): string | undefined;
  /** The text of one resource. */
  read(id: string, context: ToolContext): Promise<string>;
  /** Up to `limit` identifiers that start with `prefix`. */
  complete(prefix: string, limit: number, context: ToolContext): Promise<string[]>;
}

type Definition = Omit<ResourceKind, 'uri' | 'match'> & { identifier: z.ZodType<string> };

export function defineResource({ identifier, ...kind }: Definition): ResourceKind {
  const [before, after] = kind.uriTemplate.split(`{${kind.variable}}`) as [string, string];
  return {
    ...kind,
    uri: (id) => `${before}${encodeURIComponent(id)}${after}`,
    // By hand, not by `new URL`, which rewrites hosts and would change some identifiers.
    match(uri) {
      if (!uri.startsWith(before) || !uri.endsWith(after)) return undefined;
      const encoded = uri.slice(before.length, uri.length - after.length);
      if (/[/?#]/.test(encoded)) return undefined;
      const id = decoded(encoded);
      return id !== undefined && identifier.safeParse(id).success ? id : undefined;
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
