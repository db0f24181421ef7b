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
import { SCOPES } from '../../mcp/principal.ts';

/** A token as the file keeps it: enough to recognise it, not enough to use it. */
const entry = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  /** What its owner calls it. */
  name: z.string().optional(),
  /**
   * SHA-256 of the whole token. A hash that is slow on purpose would gain nothing: nobody guesses 256
   * random bits, and it would be paid for on every call.
   */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  namespace: identifier('The namespace'),
  scopes: z.array(z.enum(SCOPES)).min(1),
  /** The user that it is pinned to. */
  user_id: identifier('The user').optional(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().optional(),
});
export type TokenEntry = z.infer<typeof entry>;

const file = z.strictObject({ tokens: z.array(entry) });

/** How long a change waits for another to finish, in milliseconds. */
const LOCK_PATIENCE_MS = 5000;

const TOKEN = /^mcps_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** The identifier in a static token, or `undefined` if it is none. */
export function tokenId(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Makes a token, and what the file keeps of it. */
export function newToken(
  granted: Pick<TokenEntry, 'name' | 'namespace' | 'scopes' | 'user_id' | 'expires_at'>,
  now: number,
): { token: string; entry: TokenEntry } {
  const id = randomBytes(6).toString('hex');
  const token = `mcps_${id}_${randomBytes(32).toString('base64url')}`;
  const sha256 = hashToken(token).toString('hex');
  return { token, entry: { id, ...granted, sha256, created_at: new Date(now).toISOString() } };
}

/** @throws Error, in one line for whoever runs the server, when the file cannot be read or is broken */
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
 * Changes the file, or makes it, so that whoever reads it sees the old one or the new one, and no two
 * changes undo each other.
 *
 * @throws Error, in one line for whoever made the change
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
  const lock = await takeLock(`${target}.lock`);
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

/** A lock that a killed process leaves behind is not taken over: two could do so at once. */
async function takeLock(path: string): Promise<FileHandle> {
  const deadline = Date.now() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      return await open(path, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (Date.now() > deadline) {
      throw new Error(
        `Another command has held ${path} for ${LOCK_PATIENCE_MS / 1000} s. If none is running, remove that file and try again.`,
      );
    }
    await delay(20);
  }
}

/** Those who may read a file, such as a server that runs as another user, may read what replaces it. */
async function keepAccess(path: string, handle: FileHandle): Promise<void> {
  const [old, own] = await Promise.all([stat(path).catch(() => undefined), handle.stat()]);
  if (old === undefined) return;
  if (old.uid !== own.uid || old.gid !== own.gid) {
    await handle.chown(old.uid, old.gid).catch(({ code }: NodeJS.ErrnoException) => {
      throw new Error(
        `${path} belongs to user ${old.uid} and group ${old.gid}, and would not any more (${code}). Nothing was changed. Repeat the command as that user, or as root.`,
      );
    });
  }
  // What others on the machine could do with it, they can no more.
  await handle.chmod(old.mode & 0o770);
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await keepAccess(path, handle);
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
  // The rename lasts only once the folder is on disk, where folders can be synced.
  const folder = await open(dirname(path)).catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}
