import { describe, expect, it } from 'vitest';
import { acceptedBy, assertAcceptsStream } from '../../../src/transports/http/accept.ts';

const BOTH = { json: true, stream: true };
const JSON_ONLY = { json: true, stream: false };
const STREAM_ONLY = { json: false, stream: true };

describe('the Accept header', () => {
  it.each([
    [undefined, BOTH],
    ['', BOTH],
    [' ', BOTH],
    ['*/*', BOTH],
    ['*', BOTH],
    ['application/json, text/event-stream', BOTH],
    ['text/event-stream;q=0.1,application/json;q=.9', BOTH],
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', BOTH],
    ['application/*', JSON_ONLY],
    ['application/json', JSON_ONLY],
    ['Application/JSON ; charset=utf-8', JSON_ONLY],
    ['application/json;charset=utf-8;q=0.5, text/html', JSON_ONLY],
    ['*/*, text/event-stream;q=0', JSON_ONLY],
    ['*/*;q=0, application/json', JSON_ONLY],
    ['text/*;q=0, */*', JSON_ONLY],
    ['text/event-stream', STREAM_ONLY],
    ['application/json;q=0, */*;q=0.1', STREAM_ONLY],
    ['application/json; Q=0.000, text/event-stream', STREAM_ONLY],
  ])('%j admits what it names', (accept, expected) => {
    expect(acceptedBy(accept)).toEqual(expected);
  });

  it.each([
    'text/html',
    'application/json;q=0',
    '*/*;q=0',
    'application/jsonp',
    'json',
    ',;q=1,',
    'application/json;q=0, text/event-stream;q=0, */*',
  ])('%j admits neither, and is refused', (accept) => {
    expect(() => acceptedBy(accept)).toThrow(expect.objectContaining({ status: 406 }));
  });

  it('has to admit a stream where there is nothing else', () => {
    for (const accept of [undefined, '*/*', 'text/*', 'text/event-stream']) {
      expect(() => assertAcceptsStream(accept)).not.toThrow();
    }
    for (const accept of ['application/json', 'text/event-stream;q=0, */*', 'text/html']) {
      expect(() => assertAcceptsStream(accept)).toThrow(expect.objectContaining({ status: 406 }));
    }
  });
});
