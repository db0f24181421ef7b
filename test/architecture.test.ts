import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  arrowsOf,
  circlesOf,
  fileCounts,
  type Import,
  importsOf,
  isWithin,
  lineCounts,
  nearestKey,
  roomOf,
  type Sources,
  withoutComments,
} from './support/source-rules.ts';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

const SOURCES: Sources = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file.replaceAll('\\', '/'), readFileSync(join(SRC, file), 'utf8')]),
);

/** The rooms of `src/` from the top down, each with the rooms and files below that it may import. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['app', 'config'],
  app: ['config', 'transports', 'mcp', 'rest', 'services', 'store', 'search', 'domain'],
  config: ['transports/loopback.ts', 'domain'],
  transports: ['mcp', 'rest', 'domain'],
  rest: ['services', 'domain'],
  mcp: ['services', 'search', 'domain'],
  services: ['store', 'search', 'domain'],
  store: ['search', 'domain'],
  search: ['domain'],
  domain: [],
};

const ORDER = Object.keys(ROOMS);

/** The packages that each folder or file may import. The longest name that fits a file holds. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  'main.ts': /^node:(console|module|timers\/promises)$/,
  app: /^(uuid|node:(fs|stream))$/,
  'app/logger.ts': /^(pino|node:stream)$/,
  'app/commands': /^node:(stream|timers\/promises|util)$/,
  'app/import': /^(uuid|zod|node:(http|https|timers\/promises|url))$/,
  'app/ops': /^(prom-client|node:(http|net))$/,
  config: /^(zod|node:(os|path|util))$/,
  transports: /^(@modelcontextprotocol\/.*|node:.*)$/,
  'transports/auth': /^(jose|zod|node:.*)$/,
  mcp: /^(zod|@modelcontextprotocol\/server)$/,
  rest: /^(zod|node:(crypto|util))$/,
  services: /^(lru-cache|node:crypto)$/,
  'services/calls': /^@opentelemetry\/api$/,
  'services/extraction': /^(zod|node:timers\/promises)$/,
  store: /^$/,
  'store/mongodb': /^(mongodb|lru-cache|node:.*)$/,
  'store/sqlite': /^(@photostructure\/sqlite|node:.*)$/,
  search:
    /^(fastest-levenshtein|lru-cache|@orama\/stemmers\/(english|french|german|italian|portuguese|russian|spanish)|node:(timers\/promises|crypto))$/,
  domain: /^(zod|node:crypto)$/,
};

/** What may be named in `app/` alone: it decides which of them a server is made of. */
const CHOSEN_IN_APP = ['store/mongodb', 'store/sqlite', 'transports/http', 'transports/stdio'];

const MAX_LINES = 300;
const MAX_MEDIAN_LINES = 80;
const MAX_FILES = 20;
const MAX_ROOMS = 9;

/** A rule, with sources that break it and what it finds in them. */
interface Rule {
  name: string;
  /** Everything that breaks the rule. */
  violations(sources: Sources): string[];
  bad: Record<string, string>;
  found: string[];
}

const shown = ({ from, to }: Import) => `${from} imports ${to}`;

const rankOf = (path: string) => ORDER.indexOf(roomOf(path));

/** What is forbidden of the imports of one source file by another. */
const arrows = (forbidden: (arrow: Import) => boolean) => (sources: Sources) =>
  arrowsOf(sources).filter(forbidden).map(shown);

const RULES: Rule[] = [
  {
    name: 'every import finds its file',
    violations: (sources) => arrows(({ to }) => !sources.has(to))(sources),
    bad: { 'domain/a.ts': "import { b } from './b.ts';" },
    found: ['domain/a.ts imports domain/b.ts'],
  },
  {
    name: 'no imports go in a circle',
    violations: circlesOf,
    bad: {
      'store/a.ts': "import type { B } from './b.ts';",
      'store/b.ts': "export * from './c/index.ts';",
      'store/c/index.ts': "const a = await import('../a.ts');",
      'store/d.ts': "import './a.ts';",
      'store/e.ts': "new Worker(new URL('./f.js', import.meta.url));",
      'store/f.ts': "import './e.ts';",
    },
    found: [
      'store/a.ts > store/b.ts > store/c/index.ts > store/a.ts',
      'store/e.ts > store/f.ts > store/e.ts',
    ],
  },
  {
    name: 'no import runs up',
    violations: arrows(({ from, to }) => rankOf(to) < rankOf(from)),
    bad: {
      'domain/a.ts': "import type { B } from '../search/b.ts';",
      'search/b.ts': "import { c } from './c.ts';",
      'search/c.ts': "import { a } from '../domain/a.ts';",
      'app/d.ts': "import '../main.ts';",
    },
    found: ['domain/a.ts imports search/b.ts', 'app/d.ts imports main.ts'],
  },
  {
    name: 'no room imports another that it has no business with',
    violations: arrows(({ from, to }) => {
      const below = ROOMS[roomOf(from)] ?? [];
      return roomOf(from) !== roomOf(to) && nearestKey(to, below) === undefined;
    }),
    bad: {
      'mcp/a.ts': "import type { Store } from '../store/port.ts';",
      'config/b.ts': "import { isLoopback } from '../transports/loopback.ts';",
      'config/c.ts': "import { limits } from '../transports/limits.ts';",
    },
    found: ['mcp/a.ts imports store/port.ts', 'config/c.ts imports transports/limits.ts'],
  },
  {
    name: 'no store imports the other, and the port imports none',
    violations: arrows(
      ({ from, to }) =>
        isWithin(from, 'store') &&
        ['store/mongodb', 'store/sqlite'].some(
          (store) => isWithin(to, store) && !isWithin(from, store),
        ),
    ),
    bad: {
      'store/mongodb/a.ts': "import { b } from '../sqlite/b.ts'; import './c.ts';",
      'store/sqlite/b.ts': "import '../port.ts';",
      'store/port.ts': "import type { C } from './mongodb/c.ts';",
    },
    found: [
      'store/mongodb/a.ts imports store/sqlite/b.ts',
      'store/port.ts imports store/mongodb/c.ts',
    ],
  },
  {
    name: 'ranking imports nothing that talks to a model',
    violations: arrows(({ from, to }) => {
      const talks = (path: string) =>
        isWithin(path, 'search/embeddings') || isWithin(path, 'search/model-api');
      return isWithin(from, 'search') && !talks(from) && talks(to);
    }),
    bad: {
      'search/fusion.ts': "import type { Queue } from './embeddings/queue.ts';",
      'search/bm25.ts': "import './model-api/chat.ts';",
      'search/embeddings/queue.ts': "import '../model-api/backoff.ts'; import '../vectors.ts';",
      'search/model-api/backoff.ts': '',
      'search/model-api/chat.ts': '',
    },
    found: [
      'search/fusion.ts imports search/embeddings/queue.ts',
      'search/bm25.ts imports search/model-api/chat.ts',
    ],
  },
  {
    name: 'no folder imports a package that is not on its list',
    violations: (sources) =>
      importsOf(sources)
        .filter(({ isPackage }) => isPackage)
        .filter(({ from, to }) => {
          const key = nearestKey(from, Object.keys(PACKAGES));
          return key === undefined || !PACKAGES[key]?.test(to);
        })
        .map(shown),
    bad: {
      'services/a.ts': "import { z } from 'zod';",
      'store/port.ts': "import type { Db } from 'mongodb';",
      'store/mongodb/b.ts': "import type { Db } from 'mongodb';",
      'services/calls/c.ts': "import { z } from 'zod';",
      'new/d.ts': "import 'node:fs';",
    },
    found: [
      'services/a.ts imports zod',
      'store/port.ts imports mongodb',
      'services/calls/c.ts imports zod',
      'new/d.ts imports node:fs',
    ],
  },
  {
    name: 'adapters and transports are named in app/ alone',
    violations: arrows(({ from, to }) => {
      const chosen = nearestKey(to, CHOSEN_IN_APP);
      return chosen !== undefined && roomOf(from) !== 'app' && roomOf(from) !== roomOf(chosen);
    }),
    bad: {
      'app/index.ts': "import { openSqliteStore } from '../store/sqlite/index.ts';",
      'main.ts': "import { startHttp } from './transports/http/index.ts';",
      'services/a.ts': "import type { Reader } from '../store/sqlite/readers/reader.ts';",
    },
    found: [
      'main.ts imports transports/http/index.ts',
      'services/a.ts imports store/sqlite/readers/reader.ts',
    ],
  },
  {
    name: 'main.ts alone reads the process',
    violations: (sources) =>
      [...sources]
        .filter(([path, text]) => path !== 'main.ts' && readsProcess(withoutComments(text)))
        .map(([path]) => `${path} reads the process`),
    bad: {
      'main.ts': 'process.exit(1);',
      'config/a.ts': 'export const home = process.env.HOME;',
      'config/b.ts': "/** As `process.env`. */ const accept = '*/*'; // process.argv",
      'app/c.ts': "const accept = 'text/*'; const { argv } = process; /* */",
      'app/d.ts': "import { env } from 'node:process';",
    },
    found: [
      'config/a.ts reads the process',
      'app/c.ts reads the process',
      'app/d.ts reads the process',
    ],
  },
  {
    name: `no file has more than ${MAX_LINES} lines`,
    violations: (sources) =>
      [...lineCounts(sources)]
        .filter(([, lines]) => lines > MAX_LINES)
        .map(([path, lines]) => `${path} has ${lines} lines`),
    bad: { 'domain/a.ts': '\n'.repeat(301), 'domain/b.ts': '\n'.repeat(300) },
    found: ['domain/a.ts has 301 lines'],
  },
  {
    name: `the median file has at most ${MAX_MEDIAN_LINES} lines`,
    violations: (sources) => {
      const lines = [...lineCounts(sources).values()].toSorted((a, b) => a - b);
      const median = lines[Math.floor(lines.length / 2)] ?? 0;
      return median > MAX_MEDIAN_LINES ? [`the median file has ${median} lines`] : [];
    },
    bad: { 'a.ts': '\n', 'b.ts': '\n'.repeat(81), 'c.ts': '\n'.repeat(90) },
    found: ['the median file has 81 lines'],
  },
  {
    name: `no folder has more than ${MAX_FILES} files`,
    violations: (sources) =>
      [...fileCounts(sources)]
        .filter(([, files]) => files > MAX_FILES)
        .map(([folder, files]) => `${folder} has ${files} files`),
    bad: Object.fromEntries(
      Array.from({ length: 43 }, (_, i) => [`mcp/${i % 2 ? 'tools' : 'prompts'}/${i}.ts`, '']),
    ),
    found: ['mcp/prompts has 22 files', 'mcp/tools has 21 files'],
  },
  {
    name: `src/ has the ${MAX_ROOMS} rooms beside main.ts, and no other file`,
    violations: (sources) =>
      [...new Set([...sources.keys()].map(roomOf))]
        .filter((room) => !ORDER.includes(room))
        .map((room) => `${room} is no room`),
    bad: { 'main.ts': '', 'cli/help.ts': '', 'cli/token.ts': '', 'paths.ts': '' },
    found: ['cli is no room', 'paths.ts is no room'],
  },
];

function readsProcess(code: string): boolean {
  return /\bprocess\s*\.|=\s*process\b|'(?:node:)?process'/.test(code);
}

describe('of the sources', () => {
  it.each(RULES)('$name', ({ violations }) => {
    expect(violations(SOURCES)).toStrictEqual([]);
  });
});

describe('where sources break it, the rule is found broken that', () => {
  it.each(RULES)('$name', ({ violations, bad, found }) => {
    expect(violations(new Map(Object.entries(bad)))).toStrictEqual(found);
  });
});

it('the rooms are nine, beside main.ts', () => {
  expect(ORDER.filter((room) => room !== 'main.ts')).toHaveLength(MAX_ROOMS);
});
