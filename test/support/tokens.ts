import { changeTokens, newToken, type TokenEntry } from '../../src/transports/auth/token-file.ts';

type Granted = Partial<Pick<TokenEntry, 'scopes' | 'user_id' | 'expires_at'>>;

/** Adds a token to a token file, as `mcp-sessions token create` does. */
export async function grant(
  file: string,
  namespace: string,
  granted: Granted = {},
): Promise<string> {
  const scopes = granted.scopes ?? ['sessions:read', 'sessions:write'];
  const { token, entry } = newToken({ ...granted, namespace, scopes }, Date.now());
  await changeTokens(file, (tokens) => [...tokens, entry]);
  return token;
}

/** Removes a token from the file. */
export async function revoke(file: string, token: string): Promise<void> {
  const id = token.split('_')[1];
  await changeTokens(file, (tokens) => tokens.filter((entry) => entry.id !== id));
}
