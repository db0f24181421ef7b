import { timingSafeEqual } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Logger } from '../../domain/logger.ts';
import type { Identity } from '../transport.ts';
import { invalidToken, knownScopes, Refusal } from './refusal.ts';
import { hashToken, readTokens, type TokenEntry, tokenId } from './token-file.ts';
import type { Verifier } from './verifier.ts';

/** The shortest time between two checks of the file for changes. */
const CHECK_EVERY_MS = 1000;

/**
 * Verifies the static tokens of a file. The file may change at any time: a token that is revoked
 * there is refused within a second. While the file cannot be read, no token is accepted.
 *
 * @throws Error when the file cannot be read at the start
 */
export async function tokenVerifier(path: string, logger: Logger): Promise<Verifier> {
  // Taken before the file is read: a write in between is seen by the next check.
  let lastSignature = await signature();
  let tokens: Map<string, TokenEntry> | undefined = await read();
  let checkedAt = Date.now();
  let checking: Promise<void> | undefined;

  async function read() {
    return new Map((await readTokens(path)).map((entry) => [entry.id, entry]));
  }

  /** A value that changes whenever the file is replaced, written to, or given other permissions. */
  async function signature(): Promise<string> {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found === undefined) return 'none';
    return `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
  }

  async function refresh(): Promise<void> {
    const now = await signature();
    checkedAt = Date.now();
    // After a failed read, the file is read again even if its signature is unchanged.
    if (tokens !== undefined && now === lastSignature) return;
    try {
      tokens = await read();
      lastSignature = now;
      logger.info('tokens read again', { count: tokens.size });
    } catch (error) {
      if (tokens === undefined) return;
      tokens = undefined;
      logger.error('tokens cannot be read: nobody is let in by one', { error });
    }
  }

  async function current(): Promise<ReadonlyMap<string, TokenEntry>> {
    if (Math.abs(Date.now() - checkedAt) >= CHECK_EVERY_MS) {
      checking ??= refresh().finally(() => {
        checking = undefined;
      });
      await checking;
    }
    if (tokens !== undefined) return tokens;
    throw new Refusal(
      503,
      'The server cannot check tokens at the moment. Try again shortly; its log says more.',
    );
  }

  /** Returns the entry of a token, even if it has expired. */
  async function find(id: string, hash: Buffer): Promise<TokenEntry | undefined> {
    const entry = (await current()).get(id);
    if (entry === undefined) return undefined;
    return timingSafeEqual(Buffer.from(entry.sha256, 'hex'), hash) ? entry : undefined;
  }

  /**
   * Whether an accepted token is still valid. If the file cannot be read, the last known entry
   * decides.
   */
  async function holds(id: string, hash: Buffer, last: TokenEntry): Promise<boolean> {
    const entry = await find(id, hash).catch(() => last);
    return entry !== undefined && !hasExpired(entry);
  }

  return {
    recognises: (token) => token.startsWith('mcps_'),

    async verify(token): Promise<Identity> {
      const id = tokenId(token);
      const hash = hashToken(token);
      const entry = id === undefined ? undefined : await find(id, hash);
      if (id === undefined || entry === undefined || hasExpired(entry)) {
        throw invalidToken(
          'The token is unknown, revoked or expired. Ask whoever runs this server for a new one.',
          entry !== undefined,
        );
      }
      const { namespace, scopes, user_id } = entry;
      return {
        caller: {
          namespace,
          credential: `token:${id}`,
          scopes: knownScopes(scopes),
          ...(user_id !== undefined && { user_id }),
        },
        holds: () => holds(id, hash, entry),
      };
    },

    obstacle: () =>
      current().then(
        () => undefined,
        () => 'The file of tokens cannot be read. The log says why.',
      ),
  };
}

function hasExpired({ expires_at }: TokenEntry): boolean {
  return expires_at !== undefined && Date.parse(expires_at) <= Date.now();
}
