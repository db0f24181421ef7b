import type { Setting } from './setting.ts';
import { count, durationBetween, size, UNIT_MS } from './values.ts';

const MIB = 1024 ** 2;

/** Limits that keep one caller from using all of a server's time, memory and sockets. */
export const LIMIT_SETTINGS = {
  callsPerSecond: {
    env: 'CALLS_PER_SECOND',
    schema: count(1, 1_000_000).prefault('100'),
    help: 'HTTP requests per second and credential, with bursts of ten times as many. Beyond it: 429.',
  },
  callsAtOnce: {
    env: 'CALLS_AT_ONCE',
    schema: count(1, 100_000).prefault('64'),
    help: 'Concurrent calls per credential. Beyond it: 429; on stdio, the server stops reading.',
  },
  callTimeout: {
    env: 'CALL_TIMEOUT',
    schema: durationBetween(1000, UNIT_MS.d, 'a time from 1s to 24h, such as 30s').prefault('30s'),
    help: 'How long a call may take, or go without reporting progress. Beyond it: UNAVAILABLE.',
  },
  messageMax: {
    env: 'MESSAGE_MAX',
    // A smaller limit would refuse calls that the limits on records allow.
    schema: size(2 * MIB, 256 * MIB, 'a size from 2MiB to 256MiB').prefault('16MiB'),
    help: 'Size of one JSON-RPC message, such as a call with its arguments. Beyond it: 413.',
  },
  bodiesMax: {
    env: 'BODIES_MAX',
    schema: size(8 * MIB, 65_536 * MIB, 'a size from 8MiB to 64GiB').prefault('256MiB'),
    help: 'Total size of the HTTP bodies held in memory; one credential may use a quarter. Beyond it: 503.',
  },
  streamsPerCredential: {
    env: 'STREAMS_PER_CREDENTIAL',
    schema: count(1, 1_000_000).prefault('100'),
    help: 'Open event streams per credential. Beyond it: 429.',
  },
  streamsMax: {
    env: 'STREAMS_MAX',
    schema: count(1, 1_000_000).prefault('1000'),
    help: 'Open event streams in total. Beyond it: 503.',
  },
  connectionsMax: {
    env: 'CONNECTIONS_MAX',
    schema: count(10, 1_000_000).prefault('10000'),
    help: 'Open HTTP connections. Beyond it, one without a request or the longest idle one is closed.',
  },
} as const satisfies Record<string, Setting>;
