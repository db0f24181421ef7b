import { setTimeout as delay } from 'node:timers/promises';
import type { ServerContext } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../../src/app/logger.ts';
import { DomainError } from '../../../src/domain/errors.ts';
import { localPrincipal } from '../../../src/domain/principal.ts';
import { createRunCall, runTool } from '../../../src/mcp/calls/run-call.ts';
import { defineTool, READS, type ToolContext } from '../../../src/mcp/tool.ts';
import { logCalls } from '../../../src/services/calls/call-observer.ts';

function toolThat(run: (context: ToolContext) => Promise<{ n: number }>) {
  return defineTool({
    name: 'a_tool',
    title: 'A tool',
    description: 'Does what the test wants.',
    toolset: 'sessions',
    hints: READS,
    input: z.strictObject({ id: z.string(), more: z.array(z.int()).optional() }),
    output: z.strictObject({ n: z.int() }),
    run: (_args, context) => run(context),
  });
}

/** How long a call may be without progress here, in milliseconds. */
const CALL_TIMEOUT = 300;

async function call(
  run: (context: ToolContext) => Promise<{ n: number }>,
  args: unknown = { id: 'x' },
  signal = new AbortController().signal,
) {
  const lines: string[] = [];
  const logger = createLogger('debug', (line) => lines.push(line));
  const options = { observe: logCalls(logger), callTimeout: CALL_TIMEOUT };
  const audience = { caller: localPrincipal('one'), offers: () => true };
  const running = createRunCall(options, audience, 'request-1');
  const request = { mcpReq: { signal } } as ServerContext;
  const result = await runTool(toolThat(run), args, {} as ToolContext, running, request, () => {});
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
    expect(JSON.parse(log)).not.toHaveProperty('error');
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

  it('is logged in one line, without anything that its caller sent', async () => {
    const secret = 'what-the-caller-said';
    const { log } = await call(async () => ({ n: 1 }), { id: secret, more: [1] });
    expect(log.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(log)).toStrictEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      message: 'call',
      method: 'tools/call',
      tool: 'a_tool',
      namespace: 'one',
      outcome: 'ok',
      duration_ms: expect.any(Number),
      request_id: 'request-1',
    });
    expect((await call(async () => ({ n: 1 }), { id: 1, [secret]: secret })).log).not.toContain(
      secret,
    );
  });

  it.each([
    ['NOT_FOUND', 'info'],
    ['INVALID_ARGUMENT', 'info'],
    ['UNAVAILABLE', 'warn'],
    ['INTERNAL', 'error'],
  ] as const)('that ends with %s is logged as %s', async (code, level) => {
    const { log } = await call(async () => {
      throw new DomainError(code, 'No.');
    });
    expect(JSON.parse(log)).toMatchObject({ level, outcome: code });
  });

  it('that takes too long is answered UNAVAILABLE, and says what to do about a change', async () => {
    const { result } = await call(() => new Promise(() => {}));
    const { error } = result.structuredContent as { error: { message: string } };
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(error.message).toMatch(/may have happened.*read.*repeat/);
  });

  it('may take as long as it likes while it gets on', async () => {
    const { result } = await call(async ({ progress }) => {
      for (let step = 1; step <= 12; step++) {
        await delay(CALL_TIMEOUT / 5);
        progress(step, 12);
      }
      return { n: 1 };
    });
    expect(result.structuredContent).toStrictEqual({ n: 1 });
  });

  it('that its caller takes back is not waited for', async () => {
    const taken = new AbortController();
    const { log } = await call(
      () => {
        taken.abort();
        return new Promise(() => {});
      },
      { id: 'x' },
      taken.signal,
    );
    expect(JSON.parse(log)).toMatchObject({ outcome: 'CANCELLED', level: 'info' });
    expect(JSON.parse(log)).not.toHaveProperty('error');
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
