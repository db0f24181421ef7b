import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** pip installs from the index that it is configured with. */
export const PIP_INSTALL = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];

/** Why there can be no virtual environment of Python 3, if so. */
export function pythonObstacle(leastMinor: number): string | undefined {
  const check = `import sys, venv, ensurepip; sys.exit(sys.version_info < (3, ${leastMinor}))`;
  try {
    execFileSync('python3', ['-c', check], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `python3 3.${leastMinor} or newer with venv is not installed`;
  }
}

/** Makes a virtual environment with packages in a folder. Returns the path of its interpreter. */
export async function createVenv(folder: string, ...packages: readonly string[]): Promise<string> {
  await run('python3', ['-m', 'venv', folder]);
  const python = join(folder, 'bin', 'python');
  await run(python, [...PIP_INSTALL, ...packages]);
  return python;
}
