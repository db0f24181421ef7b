import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { folderOf, installedAt, type ZepClient } from './zep-clients.ts';

const PROGRAMS = fileURLToPath(new URL('../clients/programs', import.meta.url));

/** The longest that a program may take. */
const TIMEOUT_MS = 120_000;

export interface ProgramAddress {
  url: string;
  key: string;
}

/**
 * Runs a program with an original client to its end.
 *
 * @param program its path in `test/clients/programs`, without the ending, which is the language's
 * @returns the JSON that it prints
 * @throws Error when it ends with anything but 0
 */
export async function runProgram(
  client: ZepClient,
  program: string,
  { url, key }: ProgramAddress,
  more: Readonly<Record<string, string>> = {},
  // biome-ignore lint/suspicious/noExplicitAny: programs print many shapes
): Promise<any> {
  const env = {
    PATH: process.env.PATH ?? '',
    ...{ ZEP_API_URL: url, ZEP_API_KEY: key, ZEP_CLIENT: client.module },
    ...{ PYTHONPATH: PROGRAMS, PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' },
    ...more,
  };
  const execute = async (command: string, path: string) => {
    const options = { env, timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(command, [path, ...client.args], options);
    return JSON.parse(stdout);
  };
  if (client.language === 'Python') {
    return execute(installedAt(client), join(PROGRAMS, `${program}.py`));
  }
  // Node looks for the client in the folders above a program: it has to be where the client is.
  const folder = await mkdtemp(join(folderOf(client), 'programs-'));
  try {
    await cp(PROGRAMS, folder, { recursive: true });
    return await execute(process.execPath, join(folder, `${program}.mjs`));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
