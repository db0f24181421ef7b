import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/transports/http/json.ts';

const parse = (text: string) => parseJson(Buffer.from(text), () => {});

describe('the JSON of a body', () => {
  it('is refused where it makes too many objects and arrays, and quickly', () => {
    const many = 300_000;
    for (const text of [
      `[${'[],'.repeat(many)}0]`,
      `[${'{},'.repeat(many)}0]`,
      `{"a\\"":[${'{"[\\\\":0},'.repeat(many)}0]}`,
    ]) {
      expect(() => parse(text)).toThrow(/more than the 200000 objects and arrays/);
    }
  });

  it.each([
    ['little', '{"a":1}', 0],
    ['a long text', JSON.stringify('x'.repeat(16 * 1024 ** 2)), 64],
    ['many brackets', `[${'[],'.repeat(100_000)}0]`, 11],
    ['too many brackets', '[],'.repeat(333_333), 24],
  ])('counts as more calls the more work it makes: %s', (_what, text, calls) => {
    let charged = 0;
    try {
      parseJson(Buffer.from(text), (cost) => {
        charged = cost;
      });
    } catch {
      // What is refused has made the work all the same.
    }
    expect(Math.round(charged)).toBe(calls);
  });

  it.each([
    ['arrays', (levels: number) => '['.repeat(levels) + ']'.repeat(levels)],
    ['objects', (levels: number) => `${'{"[":'.repeat(levels)}0${'}'.repeat(levels)}`],
    ['what never ends', (levels: number) => '['.repeat(levels)],
  ])('is refused where it nests more than 1,000 levels of %s', (what, nest) => {
    for (const levels of [1001, 300_000]) expect(() => parse(nest(levels))).toThrow(/1000 levels/);
    if (what === 'what never ends') expect(() => parse(nest(1000))).toThrow('not valid');
    else expect(() => parse(`[${nest(999)},${nest(999)}]`)).not.toThrow();
  });

  it('may say as many brackets as it likes in its strings', () => {
    const code = '{[\\"'.repeat(100_000);
    expect(parse(`{"code":"${code}"}`)).toEqual({ code: code.replaceAll('\\', '') });
  });

  it('has the last of two values under one key, and keys that mean something to JavaScript', () => {
    expect(parse('{"a":1,"a":2}')).toEqual({ a: 2 });
    const parsed = parse('{"__proto__":{"polluted":true},"constructor":1}') as object;
    expect(Object.keys(parsed)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect({}).not.toHaveProperty('polluted');
  });

  it.each(['', '{', '[1,]', 'NaN', "{'a':1}", '\uFEFF{}', '1 2'])('is not %j', (text) => {
    expect(() => parse(text)).toThrow('not valid JSON');
  });
});
