import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapeResponse } from '../../src/transports/http/escaped-response.ts';
import { escapeLineSeparators } from '../../src/transports/line-separators.ts';
import { send } from '../support/raw-http.ts';

/** JSON whose texts are full of separators and of characters that share bytes with them. */
const json = fc.jsonValue({
  stringUnit: fc.constantFrom(
    '\u2028',
    '\u2029',
    '\u2027',
    '\u202a',
    '\u0080',
    'â',
    '€',
    '\\',
    '"',
    '😀',
    'x',
  ),
});

const http = createServer((request, response) => {
  escapeResponse(response);
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    // Both ways in which a response is written, and both kinds of chunks.
    response.write(`[${body},`);
    response.write(new Uint8Array(body));
    response.write(Buffer.from(','));
    response.end(Buffer.concat([body, Buffer.from(']')]));
  });
});
beforeAll(() => new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve)));
afterAll(() => http.close());

describe('JSON on the wire', () => {
  it('means the same without the line separators in it', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = escapeLineSeparators(JSON.stringify(value));
        expect(text).not.toMatch(/[\u2028\u2029]/);
        expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(value));
      }),
    );
  });

  it('has none of them in a response either, as text or as bytes', async () => {
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        const body = JSON.stringify(value);
        const answer = await send(url, { body });
        expect(answer.body).not.toMatch(/[\u2028\u2029]/);
        const back = JSON.parse(answer.body) as unknown[];
        expect(back.map((each) => JSON.stringify(each))).toEqual([body, body, body]);
      }),
      { numRuns: 50 },
    );
  });
});
