import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runExample } from './run-example.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/agent_loop.py', import.meta.url));

/** Why the example cannot be run here, if so. The package `mcp` needs Python 3.10. */
function obstacle(): string | undefined {
  const check = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';
  try {
    execFileSync('python3', ['-c', check], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'python3 3.10 or newer with venv is not installed';
  }
}

const reason = obstacle();
const title = `the agent loop in Python${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  const directory = mkdtempSync(join(tmpdir(), 'mcp-sessions-python-'));
  const python = join(directory, 'venv', 'bin', 'python');
  beforeAll(async () => {
    const run = promisify(execFile);
    await run('python3', ['-m', 'venv', join(directory, 'venv')]);
    // From the index that pip is configured with.
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'mcp']);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('resumes a conversation in another process', async () => {
    const env = { SESSIONS_DB: join(directory, 'sessions.db'), NODE: process.execPath };
    const converse = (...lines: string[]) => runExample(python, [EXAMPLE, 'a/b 1'], env, lines);
    expect(await converse('I am Ada.', 'Hello?')).toEqual([
      'A new conversation: a/b 1',
      'You say "I am Ada.". We start.',
      'You say "Hello?". Before that, you said "I am Ada.".',
    ]);
    expect(await converse('Who am I?')).toEqual([
      'The conversation continues: a/b 1',
      'You say "Who am I?". Before that, you said "Hello?".',
    ]);
  });
});
