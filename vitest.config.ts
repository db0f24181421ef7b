import { defineConfig } from 'vitest/config';

/**
 * Worker threads run what `npm run build` made: vitest compiles the modules of its own threads only, and
 * Node 20 runs no TypeScript.
 */
const builtWorkers = {
  name: 'built-workers',
  enforce: 'pre' as const,
  transform: (code: string, id: string) =>
    id.endsWith('/store/sqlite/readers/reader-pool.ts')
      ? code.replace("'./reader.js'", "'../../../../dist/store/sqlite/readers/reader.js'")
      : undefined,
};

export default defineConfig({
  plugins: [builtWorkers],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.thorough.test.ts', 'node_modules/**'],
    globalSetup: ['test/support/mongodb-global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // What is waited for comes in a moment; on a busy machine a second, the default, is not enough.
    expect: { poll: { timeout: 20_000 } },
  },
});
