import { z } from 'zod';
import { isLoopback } from '../transports/loopback.ts';
import type { Setting } from './setting.ts';
import { list } from './values.ts';

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash } = new URL(text);
  const safe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return safe && search === '' && hash === '';
}

/** How callers over HTTP sign in. */
export const AUTH_SETTINGS = {
  authTokensFile: {
    env: 'AUTH_TOKENS_FILE',
    schema: z.string().optional(),
    help: 'File of the access tokens that HTTP callers sign in with. Create tokens with mcp-sessions token.',
  },
  authJwtIssuer: {
    env: 'AUTH_JWT_ISSUER',
    schema: z
      .string()
      .refine(isIssuer, 'a URL that starts with https://, or with http:// on this machine')
      .optional(),
    help: 'OAuth issuer whose access tokens (JWT) HTTP callers sign in with.',
  },
  authJwtAudience: {
    env: 'AUTH_JWT_AUDIENCE',
    schema: list
      .pipe(z.array(z.string().min(1, 'a list of names separated by commas, none of them empty')))
      .optional(),
    help: 'Accepted audiences, comma-separated, such as https://sessions.example.org/mcp.',
  },
  authJwtNamespaceClaim: {
    env: 'AUTH_JWT_NAMESPACE_CLAIM',
    needs: ['authJwtIssuer'],
    schema: z.string().prefault('namespace'),
    help: "JWT claim that holds the caller's namespace.",
  },
  authJwtUserClaim: {
    env: 'AUTH_JWT_USER_CLAIM',
    needs: ['authJwtIssuer'],
    schema: z.string().optional(),
    unset: 'no caller is pinned',
    help: 'JWT claim that holds the one user whose records the caller may access.',
  },
} as const satisfies Record<string, Setting>;

/** Whether HTTP callers have to sign in. */
export function signInConfigured(
  config: Partial<Record<'authTokensFile' | 'authJwtIssuer', string | undefined>>,
): boolean {
  return config.authTokensFile !== undefined || config.authJwtIssuer !== undefined;
}
