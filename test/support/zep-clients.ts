import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inLanes } from './lanes.ts';
import { PIP_INSTALL, pythonObstacle } from './python.ts';

/** Outside of what git and npm look at. It is kept: the packages of a version do not change. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/zep-clients', import.meta.url));

const run = promisify(execFile);

/** An original client at one version, with what it is called with. */
export interface ZepClient {
  name: string;
  language: 'JavaScript' | 'Python';
  /** What npm or pip installs, step by step. */
  packages: readonly (readonly string[])[];
  /** The module that programs for several packages import. */
  module: string;
  /** The arguments of its programs. */
  args: readonly string[];
  /** Why it cannot be run here, if so. */
  missing?: string;
}

const js = (module: string, version: string, ...others: string[]): ZepClient => ({
  ...{ name: `${module} ${version}`, language: 'JavaScript', module, args: [] },
  packages: [[`${module}@${version}`, ...others]],
});

const missingPython = pythonObstacle(9);

const py = (
  name: string,
  version: string,
  mode: 'sync' | 'async',
  ...others: string[]
): ZepClient => ({
  ...{ name: `${name} ${version} (${mode})`, language: 'Python', args: [mode] },
  ...{ module: name.replace('-', '_'), packages: [[`${name}==${version}`, ...others]] },
  ...(missingPython !== undefined && { missing: missingPython }),
});

/** The clients of /api/v1, the self-hosted edition. */
export const V1_CLIENTS: readonly ZepClient[] = [
  js('@getzep/zep-js', '0.7.0'),
  js('@getzep/zep-js', '0.9.0'),
  js('@getzep/zep-js', '0.10.0'),
  py('zep-python', '1.5.0', 'sync'),
  py('zep-python', '1.5.0', 'async'),
];

/** The clients of /api/v2. */
export const V2_CLIENTS: readonly ZepClient[] = [
  js('@getzep/zep-cloud', '2.12.0'),
  js('@getzep/zep-cloud', '2.22.0'),
  js('@getzep/zep-js', '2.0.2'),
  py('zep-cloud', '2.12.3', 'sync'),
  py('zep-cloud', '2.22.1', 'sync'),
  py('zep-cloud', '2.22.1', 'async'),
  // It imports packaging and does not say so.
  py('zep-python', '2.0.2', 'sync', 'packaging'),
];

const LANGCHAIN_JS = ['@langchain/community@0.3.40', '@langchain/core@0.3.44'];

/** LangChain with its memory over a client of /api/v1. */
export const LANGCHAIN_CLIENTS: readonly ZepClient[] = [
  { ...js('@getzep/zep-js', '0.9.0', ...LANGCHAIN_JS), name: 'LangChain JS over zep-js 0.9.0' },
  { ...js('@getzep/zep-js', '0.10.0', ...LANGCHAIN_JS), name: 'LangChain JS over zep-js 0.10.0' },
  {
    ...py('zep-python', '1.5.0', 'sync'),
    name: 'LangChain Python over zep-python 1.5.0',
    // The client asks for an httpx that is older than LangChain's. It runs with the newer one.
    packages: [
      ['langchain-community==0.3.27', 'httpx==0.27.2'],
      ['--no-deps', 'zep-python==1.5.0'],
    ],
  },
];

/** Installs what is not there yet of some clients, from the registries that npm and pip are set up with. */
export async function installClients(clients: readonly ZepClient[]): Promise<void> {
  const wanted = clients.filter(({ missing }) => missing === undefined);
  // Modes of the same client share a folder.
  const byFolder = new Map(wanted.map((client) => [folderOf(client), client]));
  await inLanes([...byFolder.values()], install);
}

/** The folder that a client is installed in. */
export function folderOf({ language, packages }: ZepClient): string {
  const key = createHash('sha256').update(JSON.stringify(packages)).digest('hex').slice(0, 12);
  const [[first = ''] = []] = packages;
  return join(CACHE, `${language.toLowerCase()}-${first.replaceAll(/[^\w.]+/g, '-')}-${key}`);
}

/** Where the packages or the interpreter are in a client's folder. */
export const installedAt = (client: ZepClient): string =>
  join(folderOf(client), client.language === 'JavaScript' ? 'node_modules' : 'bin/python');

async function install(client: ZepClient): Promise<void> {
  if (existsSync(installedAt(client))) return;
  const folder = folderOf(client);
  await mkdir(CACHE, { recursive: true });
  // Built beside its place and moved there whole: an interrupted set-up leaves nothing in it.
  const staging = await mkdtemp(join(CACHE, 'staging-'));
  try {
    for (const command of await commandsFor(client, staging)) {
      const [file = '', ...args] = command;
      await run(file, args, { cwd: staging });
    }
    await rm(folder, { recursive: true, force: true });
    await rename(staging, folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function commandsFor({ language, packages }: ZepClient, folder: string): Promise<string[][]> {
  if (language === 'JavaScript') {
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    // The peers of LangChain are its hundreds of integrations.
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps'];
    return packages.map((names) => ['npm', 'install', '--prefix', folder, ...flags, ...names]);
  }
  const python = join(folder, 'bin', 'python');
  return [
    ['python3', '-m', 'venv', folder],
    ...packages.map((names) => [python, ...PIP_INSTALL, ...names]),
  ];
}
