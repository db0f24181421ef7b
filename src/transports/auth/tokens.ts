import { timingSafeEqual } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Logger } from '../../domain/logger.ts';
import type { Identity } from '../transport.ts';
import { invalidToken, knownScopes, Refusal } from './refusal.ts';
import { hashToken, readTokens, type TokenEntry, tokenId } from './token-file.ts';
import type { Verifier } from './verifier.ts';

/** How often the file is looked at, at most, in milliseconds. */
const LOOK_EVERY_MS = 1000;

/**
 * Recognises the tokens of a file. The file may change at any time: what is revoked there is refused
 * within a second. While the file cannot be read, nobody is let in.
 *
 * @throws Error when the file cannot be read to begin with
 */
export async function tokenVerifier(path: string, logger: Logger): Promise<Verifier> {
  // Before the reading: what is written meanwhile is seen by the next look.
  let seen = await signature();
  let tokens: Map<string, TokenEntry> | undefined = await read();
  let looked = Date.now();
  let looking: Promise<void> | undefined;

  async function read() {
    return new Map((await readTokens(path)).map((entry) => [entry.id, entry]));
  }

  /** Changes whenever the file is replaced, written to, or opened to other users. */
  async function signature(): Promise<string> {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found === undefined) return 'none';
    return `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
  }

  async function look(): Promise<void> {
    const now = await signature();
    looked = Date.now();
    // What could not be read is read again even if it looks the same, or as it did before.
    if (tokens !== undefined && now === seen) return;
    try {
      tokens = await read();
      seen = now;
      logger.info('tokens read again', { count: tokens.size });
    } catch (error) {
      if (tokens === undefined) return;
      tokens = undefined;
      logger.error('tokens cannot be read: nobody is let in by one', { error });
    }
  }

  async function current(): Promise<ReadonlyMap<string, TokenEntry>> {
    if (Math.abs(Date.now() - looked) >= LOOK_EVERY_MS) {
      looking ??= look().finally(() => {
        looking = undefined;
      });
      await looking;
    }
    if (tokens !== undefined) return tokens;
    throw new Refusal(
      503,
      'The server cannot check tokens at the moment. Try again shortly; its log says more.',
    );
  }

  /** The entry of a token, which may have expired. */
  async function find(id: string, hash: Buffer): Promise<TokenEntry | undefined> {
    const entry = (await current()).get(id);
    if (entry === undefined) return undefined;
    return timingSafeEqual(Buffer.from(entry.sha256, 'hex'), hash) ? entry : undefined;
  }

  /** Not knowing more is no reason to end what was let in rightly. */
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
