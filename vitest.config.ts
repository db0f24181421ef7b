import { defineConfig } from 'vitest/config';

export default defineConfig({
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
