import type { RestMethod, Route } from './route.ts';

/** A route that fits a request, and the values of its path's parameters. */
export interface Match {
  route: Route;
  parameters: Readonly<Record<string, string>>;
}

interface Pattern {
  route: Route;
  expression: RegExp;
  names: readonly string[];
}

/**
 * Returns a function that finds the route of a request.
 *
 * Identifiers hold any character, and some clients send their slashes as they are. A parameter therefore
 * takes as much of the path as it can, and longer routes are tried first. Only a UUID ends at a slash.
 *
 * @returns the match, or the methods that the path has, which are none if there is nothing at the path
 */
export function createRouter(routes: readonly Route[]) {
  const patterns = routes
    .map(toPattern)
    .toSorted((a, b) => segmentsOf(b.route.path) - segmentsOf(a.route.path));
  return (method: string, path: string): Match | { methods: RestMethod[] } => {
    const fitting = patterns.flatMap((pattern) => {
      const found = pattern.expression.exec(path);
      return found === null ? [] : [{ pattern, values: found.slice(1) }];
    });
    const match = fitting.find(({ pattern }) => pattern.route.method === method);
    if (match === undefined) {
      return { methods: [...new Set(fitting.map(({ pattern }) => pattern.route.method))] };
    }
    const { pattern, values } = match;
    const parameters = Object.fromEntries(
      pattern.names.map((name, i) => [name, decoded(values[i] as string)]),
    );
    return { route: pattern.route, parameters };
  };
}

const segmentsOf = (path: string) => path.split('/').length;

function toPattern(route: Route): Pattern {
  const names: string[] = [];
  const source = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    names.push(name);
    return name.endsWith('uuid') ? '([^/]+)' : '(.+)';
  });
  return { route, expression: new RegExp(`^${source}$`, 's'), names };
}

/** Decodes percent-encoding. Some clients send a percent sign as it is: what is no encoding stays. */
export function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
