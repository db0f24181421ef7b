import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineLimit } from '../../../src/transports/stdio/line-limit.ts';

/** What passes and what is told of when `chunks` arrive. */
async function through(maxBytes: number, chunks: Buffer[]) {
  const tooLong: [id: string | number | null, bytes: number][] = [];
  const lines = new LineLimit(maxBytes, (...told) => tooLong.push(told));
  let passed = '';
  lines.on('data', (line: Buffer) => {
    passed += line.toString();
  });
  for (const chunk of chunks) lines.write(chunk);
  lines.end();
  await once(lines, 'end');
  return { passed, tooLong };
}

describe('LineLimit', () => {
  it('passes exactly the lines within the limit, however they are cut into chunks', async () => {
    const line = fc.string({ maxLength: 30 }).map((text) => `${text.replaceAll('\n', '')}\n`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.array(fc.nat(40), { minLength: 1 }),
        async (all, sizes) => {
          const bytes = Buffer.from(all.join(''));
          const chunks: Buffer[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = 1 + (sizes[i % sizes.length] ?? 0);
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          const { passed, tooLong } = await through(20, chunks);
          const fits = (text: string) => Buffer.byteLength(text) <= 20;
          expect(passed).toBe(all.filter(fits).join(''));
          expect(tooLong.map(([, length]) => length)).toStrictEqual(
            all.filter((text) => !fits(text)).map((text) => Buffer.byteLength(text)),
          );
        },
      ),
    );
  });

  it.each([
    ['{"jsonrpc":"2.0","id":7,"method":"m","params":{"a":"%"}}', 7],
    ['{"id":"a\\"b","jsonrpc":"2.0","method":"m","params":{"a":"%"}}', 'a"b'],
    ['{"method":"m","params":{"a":"%"},"jsonrpc":"2.0","id":42}', 42],
    ['{"jsonrpc":"2.0","method":"m","params":{"a":"%"},"id":"x"}', 'x'],
    ['{"jsonrpc":"2.0","method":"m","params":{"id":9,"a":"%"}}', null],
  ])('finds the id of %s', async (template, id) => {
    const line = `${template.replace('%', 'x'.repeat(5000))}\n`;
    const { passed, tooLong } = await through(1000, [Buffer.from(line), Buffer.from('{}\n')]);
    expect(tooLong).toStrictEqual([[id, line.length]]);
    expect(passed).toBe('{}\n');
  });
});
