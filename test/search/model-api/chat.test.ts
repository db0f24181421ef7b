import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChatOptions, createChatModel } from '../../../src/search/model-api/chat.ts';
import { type ChatBehaviour, type ChatServer, startChatServer } from '../../support/chat-server.ts';
import { endpointFailure } from '../../support/model-api-server.ts';

let server: ChatServer;
beforeEach(async () => {
  server = await startChatServer();
});
afterEach(() => server.close());

const model = (options: Partial<ChatOptions> = {}) =>
  createChatModel({ url: server.url, model: 'test-model', ...options });

const request = {
  system: 'Answer.',
  user: 'What?',
  schema: { name: 'answer', schema: { type: 'object' } },
};

describe('asking a model', () => {
  it('sends the model, the texts, the schema and the key, and counts tokens', async () => {
    server.key = 'k-1';
    const answer = await model({ apiKey: 'k-1' }).complete(request);
    expect(answer).toStrictEqual({ text: '{"ok":true}', tokens: 100 });
    expect(server.calls).toMatchObject([
      {
        ...{ path: '/v1/chat/completions', model: 'test-model', system: 'Answer.', user: 'What?' },
        fields: ['messages', 'model', 'response_format'],
      },
    ]);
  });

  it('estimates the tokens where the server does not count them', async () => {
    server.tokens = undefined;
    const { tokens } = await model().complete({ ...request, user: 'x'.repeat(4000) });
    expect(tokens).toBeGreaterThan(1000);
    expect(tokens).toBeLessThan(1100);
  });

  it('asks without a schema where that is refused, and remembers it', async () => {
    server.takesSchemas = false;
    server.behaviour = { text: 'Here it is:\n```json\n{"a":{"b":1}}\n```' };
    const subject = model();
    expect(await subject.complete(request)).toMatchObject({ text: '{"a":{"b":1}}' });
    expect(await subject.complete(request)).toMatchObject({ text: '{"a":{"b":1}}' });
    expect(server.calls.map(({ fields }) => fields.includes('response_format'))).toStrictEqual([
      ...[true, false, false],
    ]);
    expect(server.calls[1]?.system).toContain('{"type":"object"}');
  });

  it('does not forget about schemas for a request that is refused in both ways', async () => {
    const subject = model();
    server.behaviour = { status: 400 };
    expect((await endpointFailure(subject.complete(request))).problem).toBe('refused');
    server.behaviour = 'answer';
    await subject.complete(request);
    expect(server.calls.at(-1)?.fields).toContain('response_format');
  });

  it.each<ChatBehaviour>(['cut', 'refusal'])('has no text of an answer that is %s', async (how) => {
    server.behaviour = how;
    expect(await model().complete(request)).toStrictEqual({ text: undefined, tokens: 100 });
  });
});

describe('no answer', () => {
  it.each<[ChatBehaviour, string, RegExp]>([
    ['html', 'invalid_answer', /a web page/],
    ['no choices', 'invalid_answer', /without a message/],
    ['huge', 'invalid_answer', /more than 1048576 bytes/],
    ['reset', 'unreachable', /cannot be reached/],
    ['broken off', 'unreachable', /cannot be reached/],
    ['redirect', 'misconfigured', /Redirects are not followed/],
    [{ status: 401 }, 'unauthorized', /Check the API key/],
    [{ status: 404 }, 'misconfigured', /Check the address/],
    [{ status: 500 }, 'failing', /own log/],
    [{ status: 400 }, 'refused', /too long for the model/],
  ])('(%o) is %s, and is not repeated with the same request', async (how, problem, message) => {
    server.behaviour = how;
    const error = await endpointFailure(model().complete(request));
    expect(error.problem).toBe(problem);
    expect(error.message).toMatch(message);
    expect(server.calls).toHaveLength(problem === 'refused' ? 2 : 1);
  });

  it('in time is an error that says so', async () => {
    server.behaviour = 'hang';
    const error = await endpointFailure(model({ timeout: 50 }).complete(request));
    expect(error.problem).toBe('timeout');
  });

  it('ends with the reason of whoever gives up', async () => {
    server.behaviour = 'hang';
    const giving = new AbortController();
    const asked = model().complete(request, giving.signal);
    await expect.poll(() => server.calls.length).toBe(1);
    giving.abort(new Error('the server stops'));
    await expect(asked).rejects.toThrow('the server stops');
  });

  it('at a limit says when to come back', async () => {
    server.behaviour = { status: 429, retryAfter: '7' };
    expect(await endpointFailure(model().complete(request))).toMatchObject({
      problem: 'overloaded',
      retryAfter: 7000,
    });
  });

  it('never shows the key, though the server repeats it', async () => {
    server.key = 'sk-right';
    const error = await endpointFailure(model({ apiKey: 'sk-wrong' }).complete(request));
    expect(JSON.stringify([error.message, error.stack])).not.toMatch('sk-wrong');
  });
});
