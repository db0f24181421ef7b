import { z } from 'zod';
import { IDENTIFIER_MAX_BYTES, textProblem } from '../domain/identifiers.ts';
import { duration, type Setting, TIMES } from './setting.ts';

/** Where records are kept, and for how long. */
export const STORE_SETTINGS = {
  mongodbUri: {
    env: 'MONGODB_URI',
    description: 'Connection string of the MongoDB to keep sessions in. Unset: an embedded file.',
    secret: true,
  },
  mongodbDatabase: { env: 'MONGODB_DATABASE', description: 'Its database. Default: mcp_sessions.' },
  sessionsDb: {
    env: 'SESSIONS_DB',
    description: "The embedded file. Default: sessions.db in the platform's data directory.",
  },
  namespace: {
    env: 'SESSIONS_NAMESPACE',
    description: 'Everything is kept apart by namespace. Default: default.',
  },
  purgeAfter: {
    env: 'PURGE_AFTER',
    description: 'How long soft-deleted records can be restored, or off. Default: 7d.',
  },
  purgeEvery: {
    env: 'PURGE_EVERY',
    description: 'How often the store is swept for what is past PURGE_AFTER. Default: 60m.',
  },
} as const satisfies Record<string, Setting>;

/** The most that a TTL index can wait: a signed 32-bit number of seconds. */
const PURGE_AFTER_MAX = 2_147_483_647_000;

const PURGE_AFTER_FORM = 'off, or a time from 1s to 24855d with a unit: s, m, h or d, such as 7d';

const purgeAfter = z.union(
  [
    // Not undefined, which would be given the default.
    z.literal('off').transform(() => null),
    duration.refine((ms) => ms >= 1000 && ms <= PURGE_AFTER_MAX, PURGE_AFTER_FORM),
  ],
  PURGE_AFTER_FORM,
);

/** Their values. */
export const storeShape = {
  mongodbUri: z
    .string()
    .regex(
      /^mongodb(\+srv)?:\/\/([^@/?#\s]*@)?[^@/?#\s]+(\/[^@?#\s]*(\?\S*)?)?$/,
      'a URI that starts with mongodb:// or mongodb+srv://, its user and password percent-encoded',
    )
    .optional(),
  mongodbDatabase: z
    .string()
    .regex(
      /^[^/\\. "$*<>:|?\0]{1,63}$/,
      'up to 63 characters, none of them a space or one of / \\ . " $ * < > : | ?',
    )
    .default('mcp_sessions'),
  sessionsDb: z.string().min(1, 'the path of a file').optional(),
  namespace: z
    .string()
    .refine(
      (text) =>
        text !== '' &&
        Buffer.byteLength(text) <= IDENTIFIER_MAX_BYTES &&
        textProblem(text) === undefined,
      `text of 1 to ${IDENTIFIER_MAX_BYTES} bytes`,
    )
    .default('default'),
  purgeAfter: purgeAfter.default(7 * TIMES.d),
  purgeEvery: duration
    .refine((ms) => ms >= 1000 && ms <= 24 * TIMES.d, 'a time from 1s to 24d, such as 60m')
    .default(60 * TIMES.m),
};
