import { z } from 'zod';
import { isLoopback } from '../transports/loopback.ts';
import { list, type Setting } from './setting.ts';

/** How callers over HTTP sign in. */
export const AUTH_SETTINGS = {
  authTokensFile: {
    env: 'AUTH_TOKENS_FILE',
    description: 'Over HTTP, callers sign in with tokens of this file; see mcp-sessions token.',
  },
  authJwtIssuer: {
    env: 'AUTH_JWT_ISSUER',
    description: 'Over HTTP, callers sign in with access tokens (JWT) of this OAuth issuer.',
  },
  authJwtAudience: {
    env: 'AUTH_JWT_AUDIENCE',
    description: 'Whom these tokens have to be meant for, by comma, such as https://host/mcp.',
  },
  authJwtNamespaceClaim: {
    env: 'AUTH_JWT_NAMESPACE_CLAIM',
    needs: ['authJwtIssuer'],
    description: "Their claim that names the caller's namespace. Default: namespace.",
  },
  authJwtUserClaim: {
    env: 'AUTH_JWT_USER_CLAIM',
    needs: ['authJwtIssuer'],
    description: 'Their claim that names the user whom the caller is pinned to. Default: none.',
  },
} as const satisfies Record<string, Setting>;

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash } = new URL(text);
  const safe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return safe && search === '' && hash === '';
}

/** Their values. */
export const authShape = {
  authTokensFile: z.string().optional(),
  authJwtIssuer: z
    .string()
    .refine(isIssuer, 'a URL that starts with https://, or with http:// on this machine')
    .optional(),
  authJwtAudience: z
    .string()
    .transform(list)
    .pipe(z.array(z.string().min(1, 'a list by comma of names, none of them empty')))
    .optional(),
  authJwtNamespaceClaim: z.string().default('namespace'),
  authJwtUserClaim: z.string().optional(),
};

/** Whether callers over HTTP have to sign in. */
export function signInConfigured({
  authTokensFile,
  authJwtIssuer,
}: Partial<Record<'authTokensFile' | 'authJwtIssuer', string | undefined>>): boolean {
  return authTokensFile !== undefined || authJwtIssuer !== undefined;
}
