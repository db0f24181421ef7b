import { createHash, randomBytes } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { identifier } from '../../domain/identifiers.ts';
import { SCOPES } from '../../domain/principal.ts';

/** A token as stored in the file: enough to recognise it, not enough to use it. */
const entry = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  /** A display name that its owner chose. */
  name: z.string().optional(),
  /**
   * SHA-256 of the whole token. A deliberately slow hash would gain nothing, because nobody guesses
   * 256 random bits, and its cost would be paid on every call.
   */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  namespace: identifier('The namespace'),
  scopes: z.array(z.enum(SCOPES)).min(1),
  /** The user that the token is pinned to. */
  user_id: identifier('The user').optional(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().optional(),
});
export type TokenEntry = z.infer<typeof entry>;

const file = z.strictObject({ tokens: z.array(entry) });

/** The longest wait for the lock on the file. */
const LOCK_TIMEOUT_MS = 5000;

const TOKEN = /^mcps_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** Returns the identifier in a static token, or `undefined` if the text is not a static token. */
export function tokenId(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * Generates a token and its entry for the file.
 *
 * @param now the time of creation, in milliseconds since the epoch
 */
export function newToken(
  granted: Pick<TokenEntry, 'name' | 'namespace' | 'scopes' | 'user_id' | 'expires_at'>,
  now: number,
): { token: string; entry: TokenEntry } {
  const id = randomBytes(6).toString('hex');
  const token = `mcps_${id}_${randomBytes(32).toString('base64url')}`;
  const sha256 = hashToken(token).toString('hex');
  return { token, entry: { id, ...granted, sha256, created_at: new Date(now).toISOString() } };
}

/**
 * Reads all entries of a token file.
 *
 * @throws Error with a one-line message for the operator when the file is missing, unreadable or
 *   malformed
 */
export async function readTokens(path: string): Promise<TokenEntry[]> {
  const text = await readFile(path, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new Error(
      code === 'ENOENT'
        ? `There is no file ${path}. Make it, and a token in it, with mcp-sessions token create.`
        : `${path} cannot be read (${code}). Give this user the right to read it.`,
    );
  });
  let problem: string;
  try {
    const parsed = file.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data.tokens;
    const [issue] = parsed.error.issues;
    problem = `${issue?.path.join('.')}: ${issue?.message}`;
  } catch {
    problem = 'it is not JSON';
  }
  throw new Error(`${path} is no file of tokens: ${problem}. Restore it, or make a new one.`);
}

/**
 * Changes or creates the file atomically: readers see the old file or the new one, and concurrent
 * changes are serialized by a lock file.
 *
 * @param change returns the new entries for the present ones
 * @throws Error with a one-line message for the user of the command
 */
export async function changeTokens(
  path: string,
  change: (tokens: TokenEntry[]) => TokenEntry[],
): Promise<void> {
  try {
    await changeLocked(path, change);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new Error(`${path} cannot be changed (${code}). Check the path and who may write there.`);
  }
}

async function changeLocked(
  path: string,
  change: (tokens: TokenEntry[]) => TokenEntry[],
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const target = await realpath(path).catch(() => path);
  const lock = await acquireLock(`${target}.lock`);
  try {
    const exists = await open(target).then(
      (handle) => handle.close().then(() => true),
      ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT',
    );
    const tokens = change(exists ? await readTokens(target) : []);
    await replace(target, `${JSON.stringify({ tokens }, null, 2)}\n`);
  } finally {
    await lock.close();
    await rm(`${target}.lock`, { force: true });
  }
}

/**
 * Acquires the lock file. A stale lock of a killed process is not taken over: two processes could
 * do so at once.
 */
async function acquireLock(path: string): Promise<FileHandle> {
  const deadline = Date.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      return await open(path, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (Date.now() > deadline) {
      throw new Error(
        `Another command has held ${path} for ${LOCK_TIMEOUT_MS / 1000} s. If none is running, remove that file and try again.`,
      );
    }
    await delay(20);
  }
}

/**
 * Gives the new file the owner, group and mode of the old one, so that a server that runs as
 * another user can still read it.
 */
async function copyPermissions(path: string, handle: FileHandle): Promise<void> {
  const [old, own] = await Promise.all([stat(path).catch(() => undefined), handle.stat()]);
  if (old === undefined) return;
  if (old.uid !== own.uid || old.gid !== own.gid) {
    await handle.chown(old.uid, old.gid).catch(({ code }: NodeJS.ErrnoException) => {
      throw new Error(
        `${path} belongs to user ${old.uid} and group ${old.gid}, and would not any more (${code}). Nothing was changed. Repeat the command as that user, or as root.`,
      );
    });
  }
  // Removes every permission of other users.
  await handle.chmod(old.mode & 0o770);
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await copyPermissions(path, handle);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  // The rename is durable only after the directory is synced, where the platform supports that.
  const directory = await open(dirname(path)).catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}
