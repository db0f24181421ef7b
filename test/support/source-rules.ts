import { dirname, join } from 'node:path/posix';

/** The text of each file, by its path inside `src/`. */
export type Sources = ReadonlyMap<string, string>;

/** An import of another source file or of a package. Imports of types count. */
export interface Import {
  from: string;
  /** The path inside `src/`, or the name of the package. */
  to: string;
  isPackage: boolean;
}

/**
 * Imports and exports from 'x', `import('x')`, and a worker's `new URL('x', import.meta.url)`. The text
 * 'import' is none.
 */
const IMPORT = /(?<!')\b(?:from|import)\s*\(?\s*'([^']+)'|new URL\('([^']+)', import\.meta\.url\)/g;

export function importsOf(sources: Sources): Import[] {
  return [...sources].flatMap(([from, text]) =>
    [...text.matchAll(IMPORT)].map(([, imported, started = '']): Import => {
      // A worker is started from the built file.
      const path = imported ?? started.replace(/\.js$/, '.ts');
      return path.startsWith('.')
        ? { from, to: join(dirname(from), path), isPackage: false }
        : { from, to: path, isPackage: true };
    }),
  );
}

/** The imports of one source file by another. */
export function arrowsOf(sources: Sources): Import[] {
  return importsOf(sources).filter(({ isPackage }) => !isPackage);
}

/** The first folder of a path, or the name of a file that is in no folder. */
export function roomOf(path: string): string {
  return path.split('/', 1)[0] as string;
}

/** Whether a path is that file or folder, or inside that folder. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Of the keys that the path is within, the longest. */
export function nearestKey(path: string, keys: readonly string[]): string | undefined {
  return keys.filter((key) => isWithin(path, key)).toSorted((a, b) => b.length - a.length)[0];
}

/** The shortest circle of imports through each file that is on one, as `a > b > a`, each once. */
export function circlesOf(sources: Sources): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of arrowsOf(sources))
    targets.set(from, [...(targets.get(from) ?? []), to]);
  const circles = new Map<string, string>();
  for (const start of sources.keys()) {
    const circle = shortestCircle(start, (file) => targets.get(file) ?? []);
    if (circle === undefined) continue;
    const members = circle.toSorted().join();
    if (!circles.has(members)) circles.set(members, [...circle, start].join(' > '));
  }
  return [...circles.values()];
}

function shortestCircle(start: string, targetsOf: (file: string) => string[]) {
  const paths: string[][] = [[start]];
  const seen = new Set<string>();
  for (const path of paths) {
    for (const target of targetsOf(path.at(-1) as string)) {
      if (target === start) return path;
      if (!seen.has(target)) paths.push([...path, target]);
      seen.add(target);
    }
  }
  return undefined;
}

/** The number of lines of each file. */
export function lineCounts(sources: Sources): Map<string, number> {
  return new Map([...sources].map(([path, text]) => [path, text.split('\n').length - 1]));
}

/** The number of files directly in each folder. */
export function fileCounts(sources: Sources): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of sources.keys()) {
    const folder = dirname(path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return counts;
}

const STRING_OR_COMMENT =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/.*/g;

/** The text of a file without its comments. */
export function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (found) => (found.startsWith('/') ? '' : found));
}
