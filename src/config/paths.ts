import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Makes the path in a setting absolute; `~/` stands for the home directory. */
export function filePath(text: string, env: Environment): string {
  return resolve(text.replace(/^~(?=[/\\])/, home(env)));
}

const home = (env: Environment) => env.HOME || homedir();

/**
 * Where programs keep durable data on a platform: neither a cache nor the package's own folder.
 *
 * @param platform as `process.platform`
 */
export function dataDirectory(env: Environment, platform: string): string {
  if (platform === 'win32') {
    const local = env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local');
    return join(local, 'mcp-sessions');
  }
  if (platform === 'darwin') {
    return join(home(env), 'Library', 'Application Support', 'mcp-sessions');
  }
  const data = env.XDG_DATA_HOME || join(home(env), '.local', 'share');
  return join(data, 'mcp-sessions');
}
