import { count, duration, type Setting, size, TIMES } from './setting.ts';

const MIB = 1024 ** 2;

/** What keeps one caller from being all that a server has time, memory and sockets for. */
export const LIMIT_SETTINGS = {
  callsPerSecond: {
    env: 'CALLS_PER_SECOND',
    description:
      'HTTP requests a second of one credential; bursts of ten times that. Default: 100.',
  },
  callsAtOnce: {
    env: 'CALLS_AT_ONCE',
    description:
      'Calls of one credential under way at once; on stdio, others wait to be read. Default: 64.',
  },
  callTimeout: {
    env: 'CALL_TIMEOUT',
    description: 'How long a call may take, or be without progress. Default: 30s.',
  },
  messageMax: {
    env: 'MESSAGE_MAX',
    description: 'The longest message that is read: one call with all it carries. Default: 16MiB.',
  },
  bodiesMax: {
    env: 'BODIES_MAX',
    description:
      'All HTTP bodies together that are held at once; a credential a quarter. Default: 256MiB.',
  },
  streamsPerCredential: {
    env: 'STREAMS_PER_CREDENTIAL',
    description: 'Open event streams of one credential. Default: 100.',
  },
  streamsMax: { env: 'STREAMS_MAX', description: 'Open event streams in all. Default: 1000.' },
  connectionsMax: {
    env: 'CONNECTIONS_MAX',
    description: 'Open HTTP connections; beyond it the longest idle one is closed. Default: 10000.',
  },
  drainDelay: {
    env: 'DRAIN_DELAY',
    description: 'How long a stopping HTTP server that is not ready still serves. Default: 0s.',
  },
} as const satisfies Record<string, Setting>;

/** Their values. */
export const limitShape = {
  callsPerSecond: count(1, 1_000_000).default(100),
  callsAtOnce: count(1, 100_000).default(64),
  callTimeout: duration
    .refine((ms) => ms >= 1000 && ms <= TIMES.d, 'a time from 1s to 24h, such as 30s')
    .default(30 * TIMES.s),
  // Less would keep out what the limits on records let in.
  messageMax: size(2 * MIB, 256 * MIB, 'a size from 2MiB to 256MiB').default(16 * MIB),
  bodiesMax: size(8 * MIB, 65_536 * MIB, 'a size from 8MiB to 64GiB').default(256 * MIB),
  streamsPerCredential: count(1, 1_000_000).default(100),
  streamsMax: count(1, 1_000_000).default(1000),
  connectionsMax: count(10, 1_000_000).default(10_000),
  drainDelay: duration
    .refine((ms) => ms <= 10 * TIMES.m, 'a time up to 10m, such as 10s')
    .default(0),
};
