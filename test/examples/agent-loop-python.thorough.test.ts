import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVenv, pythonObstacle } from '../support/python.ts';
import { runExample } from './run-example.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/agent_loop.py', import.meta.url));

// The package `mcp` needs Python 3.10.
const reason = pythonObstacle(10);
const title = `the agent loop in Python${reason === undefined ? '' : ` (skipped: ${reason})`}`;

describe.skipIf(reason !== undefined)(title, () => {
  const directory = mkdtempSync(join(tmpdir(), 'mcp-sessions-python-'));
  let python: string;
  beforeAll(async () => {
    python = await createVenv(join(directory, 'venv'), 'mcp');
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
