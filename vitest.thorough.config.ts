import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** What is slow because it is thorough: many processes, many crashes, many seconds. */
export default defineConfig({
  plugins: base.plugins ?? [],
  test: {
    ...mergeConfig(base, {}).test,
    include: ['test/**/*.thorough.test.ts'],
    exclude: ['node_modules/**'],
    testTimeout: 600_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
