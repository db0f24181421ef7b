import { z } from 'zod';
import type { Setting } from './setting.ts';

/** The APIs that a Zep server may have. */
const ZEP_APIS = ['v1', 'v2'] as const;

/** The address of a server without the path of its API, which people copy with it from their programs. */
const withoutApi = (text: string) => text.replace(/\/+$/, '').replace(/\/api(\/v[12])?$/, '');

function isServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => !part);
}

/** What the command import reads. */
export const IMPORT_SETTINGS = {
  importUrl: {
    flag: 'url',
    takes: 'URL',
    schema: z
      .string()
      .refine(
        isServer,
        'a URL that starts with http:// or https:// and has no user, password, query or fragment',
      )
      .transform(withoutApi)
      .optional(),
    help: 'With the command import: address of the Zep server to read, such as http://localhost:8000.',
  },
  importApiKey: {
    env: 'ZEP_API_KEY',
    flag: 'api-key',
    takes: 'KEY',
    // Other programs read the variable, too: only the command import judges it.
    schema: z.string().optional(),
    help: 'With the command import: API key of that server, if it asks for one. A flag is seen in the list of processes, a variable is not.',
    secret: true,
  },
  importApi: {
    flag: 'api',
    takes: 'VERSION',
    schema: z.enum(ZEP_APIS, ZEP_APIS.join(' or ')).optional(),
    unset: 'v2 if the server has it, or else v1',
    help: 'With the command import: the API to read, v1 or v2.',
  },
} as const satisfies Record<string, Setting>;
