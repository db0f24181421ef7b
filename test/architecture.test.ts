import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** What both stores implement. */
const STORE_PORT = ['store/store.ts', 'store/search-store.ts', 'store/retention.ts'];

/** What each part may import of the others, and which packages: design §10. */
const ALLOWED: Record<string, { parts: string[]; packages: RegExp }> = {
  domain: { parts: ['domain'], packages: /^(zod|node:crypto)$/ },
  'store/store.ts': { parts: ['domain', 'store/search-store.ts'], packages: /^$/ },
  'store/search-store.ts': { parts: ['domain'], packages: /^$/ },
  'store/retention.ts': { parts: [], packages: /^$/ },
  'store/mongodb': {
    parts: ['domain', ...STORE_PORT, 'store/mongodb'],
    packages: /^(mongodb|lru-cache|node:.*)$/,
  },
  'store/sqlite': {
    parts: ['domain', 'search/analyse.ts', ...STORE_PORT, 'store/sqlite'],
    packages: /^(@photostructure\/sqlite|node:.*)$/,
  },
  search: {
    parts: ['domain', 'search', 'store/search-store.ts'],
    packages: /^(@orama\/stemmers\/english|node:(timers\/promises|crypto))$/,
  },
  services: { parts: ['domain', 'search', 'services', ...STORE_PORT], packages: /^$/ },
  mcp: {
    parts: ['domain', 'services', 'mcp', 'logger.ts'],
    packages: /^(zod|@modelcontextprotocol\/server|@opentelemetry\/api)$/,
  },
  'transports/auth': {
    parts: ['domain', 'mcp/principal.ts', 'transports', 'logger.ts'],
    packages: /^(jose|zod|node:.*)$/,
  },
  transports: {
    parts: ['mcp', 'transports', 'logger.ts'],
    packages: /^(@modelcontextprotocol\/.*|node:.*)$/,
  },
  ops: {
    parts: ['domain', 'mcp', 'ops', 'store/store.ts'],
    packages: /^(prom-client|node:(http|net))$/,
  },
  'logger.ts': { parts: [], packages: /^pino$/ },
  'setting.ts': { parts: [], packages: /^zod$/ },
  'auth-settings.ts': { parts: ['domain', 'setting.ts'], packages: /^zod$/ },
  'store-settings.ts': { parts: ['domain', 'setting.ts'], packages: /^zod$/ },
  'limit-settings.ts': { parts: ['setting.ts'], packages: /^$/ },
  'operations.ts': {
    parts: ['config.ts', 'ops', 'store/store.ts'],
    packages: /^$/,
  },
  'sweep.ts': {
    parts: ['config.ts', 'logger.ts', 'services', 'store/store.ts'],
    packages: /^$/,
  },
  'embeddings.ts': {
    parts: ['config.ts', 'logger.ts', 'search', 'services', ...STORE_PORT],
    packages: /^$/,
  },
  'embed-command.ts': {
    parts: ['domain', 'embeddings.ts', 'logger.ts', 'search', 'store/store.ts'],
    packages: /^$/,
  },
  'embedding-settings.ts': { parts: ['setting.ts'], packages: /^zod$/ },
  'purge-command.ts': {
    parts: ['config.ts', 'services', 'setting.ts', ...STORE_PORT],
    packages: /^$/,
  },
  'token-command.ts': {
    parts: ['config.ts', 'domain', 'mcp/principal.ts', 'paths.ts', 'setting.ts', 'transports/auth'],
    packages: /^node:util$/,
  },
  'config.ts': {
    parts: [
      'auth-settings.ts',
      'domain',
      'embedding-settings.ts',
      'limit-settings.ts',
      'logger.ts',
      'mcp',
      'paths.ts',
      'setting.ts',
      'store-settings.ts',
    ],
    packages: /^(zod|node:(path|util))$/,
  },
  'help.ts': { parts: ['config.ts', 'setting.ts'], packages: /^$/ },
  'paths.ts': { parts: [], packages: /^node:(os|path)$/ },
};

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'));

function imports(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, path]) => path as string);
}

const partOf = (file: string) => Object.keys(ALLOWED).find((part) => file.startsWith(part));

describe('imports', () => {
  it.each(files.filter((file) => partOf(file) !== undefined))('of %s run one way', (file) => {
    const { parts, packages } = ALLOWED[partOf(file) as string] as (typeof ALLOWED)[string];
    for (const path of imports(file)) {
      if (!path.startsWith('.')) {
        expect(path, `${file} imports a package`).toMatch(packages);
        continue;
      }
      const target = relative(SRC, join(SRC, dirname(file), path)).replaceAll('\\', '/');
      const allowed = parts.some((part) => target === part || target.startsWith(`${part}/`));
      expect(allowed, `${file} imports ${target}`).toBe(true);
    }
  });

  it('name adapters and transports in app.ts alone', () => {
    const naming = files.filter(
      (file) =>
        !/^(store|transports)\//.test(file) &&
        imports(file).some((path) => /store\/(mongodb|sqlite)|transports\/(http|stdio)/.test(path)),
    );
    expect(naming).toStrictEqual(['app.ts']);
  });

  it('leave no file of the sources out', () => {
    const others = files.filter((file) => partOf(file) === undefined);
    expect(others.toSorted()).toStrictEqual(['app.ts', 'main.ts']);
  });
});

describe('the process', () => {
  it('is read by main.ts alone', () => {
    const readers = files.filter((file) =>
      /\bprocess\.(env|argv|stdin|stdout|stderr|exit|on)\b/.test(
        readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''),
      ),
    );
    expect(readers).toStrictEqual(['main.ts']);
  });
});
