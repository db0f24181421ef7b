import { beforeEach, expect, it } from 'vitest';
import { describeRest } from './describe-rest.ts';

const UUID = '0192aaaa-0000-7000-8000-000000000003';

/** JSON objects in one another. */
const nested = (levels: number): object =>
  JSON.parse(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`);

describeRest('a patch of a message', ({ send }) => {
  beforeEach(async () => {
    const messages = [{ role: 'user', content: 'x', uuid: UUID }];
    await send('POST', '/api/v1/sessions/s/memory', { messages });
  });
  const patch = async (version: string, body: unknown) => {
    const path = `/api/${version}/sessions/s/messages/${UUID}`;
    const answer = await send('PATCH', path, body);
    return answer.status === 200 ? (answer.body as { metadata: object }).metadata : answer;
  };

  it.each(['v1', 'v2'])('is its metadata, or has it under its name, in %s', async (version) => {
    expect(await patch(version, { a: 1 })).toEqual({ a: 1 });
    expect(await patch(version, { metadata: { b: 2 } })).toEqual({ a: 1, b: 2 });
    expect(await patch(version, { metadata: { a: null }, uuid: UUID })).toEqual({ b: 2 });
    for (const nothing of [{}, null, { metadata: null }]) {
      expect(await patch(version, nothing)).toEqual({ b: 2 });
    }
  });

  it('keeps keys that JavaScript has other plans for', async () => {
    const hostile = '{"__proto__":{"x":1},"constructor":{"prototype":2},"toString":3}';
    const entries = (value: object) => Object.entries(value).toSorted();
    for (const body of [hostile, `{"metadata":${hostile}}`]) {
      expect(entries(await patch('v1', JSON.parse(body)))).toEqual(entries(JSON.parse(hostile)));
    }
    expect({}).not.toHaveProperty('x');
  });

  it('has the limits of metadata, whichever way it comes', async () => {
    for (const body of [nested(64), { metadata: nested(64) }]) {
      expect(await patch('v2', body)).toEqual(nested(64));
    }
    const message = expect.stringMatching(/^metadata: .*64 levels/);
    for (const body of [nested(65), { metadata: nested(65) }]) {
      expect(await patch('v2', body)).toEqual({ status: 400, body: { message } });
    }
  });

  it.each([[[]], [[{ a: 1 }]], [7], ['text'], [{ metadata: [] }], [{ metadata: 7 }]])(
    'is refused if it is no object: %j',
    async (body) => {
      expect(await patch('v1', body)).toMatchObject({ status: 400 });
    },
  );
});
