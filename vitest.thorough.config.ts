import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

const THOROUGH = 'test/**/*.thorough.test.ts';

/** Each needs the machine for itself: many servers and callers, or a comparison of times. */
const BUSY = [
  'abuse',
  'crash',
  'crowd',
  'extraction-crash',
  'facts-crash',
  'fairness',
  'heavy-messages',
  'isolation/times',
  'rolling-restart',
  'slow-peers',
  'soak',
].map((name) => `test/e2e/${name}.thorough.test.ts`);

/** As many appends as possible within a time. */
const APPENDS = 'test/store/mongodb/append/append.thorough.test.ts';

/** They install the same clients, each only once. */
const CLIENTS = 'test/clients/*.thorough.test.ts';

const ALONE = [CLIENTS, APPENDS, ...BUSY];

const project = (name: string, groupOrder: number, test: object) => ({
  plugins: base.plugins ?? [],
  test: {
    ...mergeConfig(base, {}).test,
    testTimeout: 600_000,
    hookTimeout: 300_000,
    name,
    sequence: { groupOrder },
    ...test,
  },
});

/** What is slow because it is thorough: many processes, many crashes, many seconds. */
export default defineConfig({
  test: {
    projects: [
      project('together', 0, { include: [THOROUGH], exclude: ALONE }),
      project('alone', 1, { include: ALONE, exclude: [], fileParallelism: false }),
    ],
  },
});
