import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOOLS } from '../../src/mcp/tools/index.ts';
import { Servers } from '../support/server-process.ts';
import { runExample } from './run-example.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const EXAMPLE = join(EXAMPLES, 'agent-loop.mjs');

describe('the agent loop in JavaScript', () => {
  let servers: Servers;
  let env: Record<string, string>;
  beforeAll(async () => {
    servers = await Servers.open();
    env = { SESSIONS_DB: join(servers.directory, 'sessions.db') };
  });
  afterAll(() => servers.close());

  const converse = (...lines: string[]) =>
    runExample(process.execPath, [EXAMPLE, 'a/b 1'], env, lines);

  it('resumes a conversation in another process', async () => {
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

  it('stores a summary when the server advises one, and is given it again', async () => {
    await converse(...Array.from({ length: 11 }, (_, i) => `Line ${i}.`));
    const [, answer] = await converse('What now?');
    expect(answer).toMatch(/I have a summary up to message 26\.$/);
    const client = await servers.connectStdio('v2', { env });
    const { content } = await client.callTool('get_memory', { session_id: 'a/b 1' });
    expect(content.session.message_count).toBe(30);
    expect(content.summary.content).toMatch(/^I am Ada\.; Hello\?; Who am I\?; Line 0\./);
  });

  it('says how it is used', async () => {
    await expect(promisify(execFile)(process.execPath, [EXAMPLE])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Usage'),
    });
  });
});

describe('the system prompt', () => {
  it('names tools that there are', () => {
    const prompt = readFileSync(join(EXAMPLES, 'system-prompt.md'), 'utf8');
    const named = prompt.match(/\b(add|get|list|set|search|delete|restore|update)_\w+/g) ?? [];
    expect(new Set(named).size).toBeGreaterThan(5);
    const names = new Set(TOOLS.map(({ name }) => name));
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  });
});
