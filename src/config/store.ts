import { z } from 'zod';
import { IDENTIFIER_MAX_BYTES, textProblem } from '../domain/identifiers.ts';
import type { Setting } from './setting.ts';
import { durationBetween, UNIT_MS } from './values.ts';

const MONGODB_URI = /^mongodb(\+srv)?:\/\/([^@/?#\s]*@)?[^@/?#\s]+(\/[^@?#\s]*(\?\S*)?)?$/;

/** MongoDB's own rule for database names. */
const DATABASE_NAME = /^[^/\\. "$*<>:|?\0]{1,63}$/;

/** A TTL index stores its delay as a signed 32-bit number of seconds. */
const PURGE_AFTER_MAX_MS = 2_147_483_647_000;

const PURGE_AFTER_FORM = 'off, or a time from 1s to 24855d with a unit: s, m, h or d, such as 7d';

function isNamespace(text: string): boolean {
  const fits = text !== '' && Buffer.byteLength(text) <= IDENTIFIER_MAX_BYTES;
  return fits && textProblem(text) === undefined;
}

/** Databases of MongoDB's own. An address names the first of them to say where its user is defined. */
const SYSTEM_DATABASES = new Set(['admin', 'local', 'config']);

/** The database for records that the address of a MongoDB deployment names, if any. */
export function databaseOf(uri: string | undefined): string | undefined {
  const path = uri === undefined ? undefined : /^[^/]*\/\/[^/]*\/([^?]*)/.exec(uri)?.[1];
  if (path === undefined) return undefined;
  let name: string;
  try {
    name = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  return DATABASE_NAME.test(name) && !SYSTEM_DATABASES.has(name) ? name : undefined;
}

/** Where records are stored, and how long deleted ones are kept. */
export const STORE_SETTINGS = {
  mongodbUri: {
    env: 'MONGODB_URI',
    schema: z
      .string()
      .regex(
        MONGODB_URI,
        'a URI that starts with mongodb:// or mongodb+srv://, its user and password percent-encoded',
      )
      .optional(),
    unset: 'the embedded database file',
    help: 'Connection string of the MongoDB deployment that stores the records.',
    secret: true,
  },
  mongodbDatabase: {
    env: 'MONGODB_DATABASE',
    schema: z
      .string()
      .regex(
        DATABASE_NAME,
        'up to 63 characters, none of them a space or one of / \\ . " $ * < > : | ?',
      )
      .optional(),
    unset: 'the database that MONGODB_URI names, or else `mcp_sessions`',
    help: 'Name of the MongoDB database.',
  },
  sessionsDb: {
    env: 'SESSIONS_DB',
    schema: z.string().min(1, 'the path of a file').optional(),
    unset: "sessions.db in the platform's data directory",
    help: 'Path of the embedded database file; ~/ stands for the home directory.',
  },
  namespace: {
    env: 'SESSIONS_NAMESPACE',
    schema: z
      .string()
      .refine(isNamespace, `text of 1 to ${IDENTIFIER_MAX_BYTES} bytes`)
      .prefault('default'),
    help: 'Namespace of callers that do not sign in. Records are invisible to other namespaces.',
  },
  purgeAfter: {
    env: 'PURGE_AFTER',
    schema: z
      .union(
        [
          z.literal('off').transform(() => undefined),
          durationBetween(1000, PURGE_AFTER_MAX_MS, PURGE_AFTER_FORM),
        ],
        PURGE_AFTER_FORM,
      )
      .prefault('7d'),
    help: 'How long deleted records can be restored before they are purged; off keeps them forever.',
  },
  purgeEvery: {
    env: 'PURGE_EVERY',
    schema: durationBetween(1000, 24 * UNIT_MS.d, 'a time from 1s to 24d, such as 60m').prefault(
      '60m',
    ),
    help: 'How often the server purges records whose PURGE_AFTER has passed.',
  },
} as const satisfies Record<string, Setting>;
