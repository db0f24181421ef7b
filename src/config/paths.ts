import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The path of a file that a setting names; `~/` is the home directory. */
export function filePath(text: string, env: Environment): string {
  return resolve(text.replace(/^~(?=[/\\])/, home(env)));
}

const home = (env: Environment) => env.HOME || homedir();

/** Where programs of this platform keep data that has to last: never a cache, never the package. */
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
