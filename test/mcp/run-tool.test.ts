import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DomainError } from '../../src/domain/errors.ts';
import { createLogger } from '../../src/logger.ts';
import { runTool } from '../../src/mcp/run-tool.ts';
import { defineTool, READS, type ToolContext } from '../../src/mcp/tool.ts';

function toolThat(run: () => Promise<{ n: number }>) {
  return defineTool({
    name: 'a_tool',
    title: 'A tool',
    description: 'Does what the test wants.',
    toolset: 'sessions',
    hints: READS,
    input: z.strictObject({ id: z.string(), more: z.array(z.int()).optional() }),
    output: z.strictObject({ n: z.int() }),
    run,
  });
}

async function call(run: () => Promise<{ n: number }>, args: unknown = { id: 'x' }) {
  const lines: string[] = [];
  const logger = createLogger('debug', (line) => lines.push(line));
  const result = await runTool(toolThat(run), args, {} as ToolContext, logger);
  return { result, text: JSON.stringify(result), log: lines.join('') };
}

describe('a tool call', () => {
  it('answers with the same JSON as content and as text', async () => {
    const { result } = await call(async () => ({ n: 1 }));
    expect(result).toStrictEqual({
      content: [{ type: 'text', text: '{"n":1}' }],
      structuredContent: { n: 1 },
    });
  });

  it('answers a known error with its code, its message and whether to retry', async () => {
    const { result, log } = await call(async () => {
      throw new DomainError('NOT_FOUND', 'There is none. Make one.');
    });
    expect(result).toStrictEqual({
      isError: true,
      content: [{ type: 'text', text: 'NOT_FOUND: There is none. Make one.' }],
      structuredContent: {
        error: { code: 'NOT_FOUND', message: 'There is none. Make one.', retryable: false },
      },
    });
    expect(log).toBe('');
  });

  it('keeps the cause of an error from the caller, and logs it', async () => {
    const { text, log } = await call(async () => {
      throw new DomainError('UNAVAILABLE', 'Away.', { cause: new Error('/home/me/secret.db') });
    });
    expect(text).toContain('UNAVAILABLE');
    expect(text).not.toContain('secret');
    expect(log).toContain('/home/me/secret.db');
  });

  it('answers anything else with INTERNAL, and logs it', async () => {
    const { result, text, log } = await call(async () => {
      throw new TypeError('cannot read secret of undefined');
    });
    expect(result.structuredContent).toMatchObject({ error: { code: 'INTERNAL' } });
    expect(text).not.toContain('secret');
    expect(log).toContain('cannot read secret of undefined');
  });

  it.each<[unknown, string[]]>([
    [{}, ['id:', 'of type string']],
    [null, ['id:']],
    [{ id: 'x', nope: 1, 'worse\n': 2 }, ['"nope"', 'id, more']],
    [{ id: 'x', more: [1, 'two'] }, ['more.1:']],
    [[], ['expected object']],
  ])('says what is wrong with %j, and what to do', async (args, words) => {
    const { result } = await call(async () => ({ n: 1 }), args);
    const { error } = result.structuredContent as { error: { code: string; message: string } };
    expect(error.code).toBe('INVALID_ARGUMENT');
    for (const word of [...words, 'call it again']) expect(error.message).toContain(word);
  });

  it('lists no more than a few of many mistakes', async () => {
    const more = Array.from({ length: 10_000 }, () => 'x');
    const { result } = await call(async () => ({ n: 1 }), { id: 'x', more });
    const { error } = result.structuredContent as { error: { message: string } };
    expect(error.message.length).toBeLessThan(1000);
    expect(error.message).toContain('And 9995 more.');
  });
});
