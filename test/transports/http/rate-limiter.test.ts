import { describe, expect, it } from 'vitest';
import { HttpError } from '../../../src/transports/http/http-error.ts';
import { RateLimiter } from '../../../src/transports/http/rate-limiter.ts';

const LIMITS = {
  callsPerSecond: 10,
  callsAtOnce: 3,
  messageMax: 1000,
  bodiesMax: 8000,
  streamsPerCredential: 2,
  streamsMax: 3,
  connectionsMax: 10,
};
const BURST = 100;

/** An rateLimiter on a clock that stands still until it is moved. */
function open() {
  let now = 0;
  const rateLimiter = new RateLimiter(LIMITS, () => now);
  const wait = (ms: number) => {
    now += ms;
  };
  return { rateLimiter, wait };
}

function refusal(work: () => unknown): HttpError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(HttpError);
    return error as HttpError;
  }
  throw new Error('it was let in');
}

/** How many calls a credential can make now. */
function callsUntilRefused(rateLimiter: RateLimiter, credential: string): number {
  for (let calls = 0; ; calls++) {
    try {
      rateLimiter.permit(credential).release();
    } catch {
      return calls;
    }
  }
}

describe('the rate of one credential', () => {
  it('is limited once its burst is used up, and grows back with time', () => {
    const { rateLimiter, wait } = open();
    expect(callsUntilRefused(rateLimiter, 'a')).toBe(BURST);
    wait(500);
    expect(callsUntilRefused(rateLimiter, 'a')).toBe(5);
    wait(3_600_000);
    expect(callsUntilRefused(rateLimiter, 'a')).toBe(BURST);
  });

  it('is that of no other', () => {
    const { rateLimiter } = open();
    callsUntilRefused(rateLimiter, 'a');
    expect(callsUntilRefused(rateLimiter, 'b')).toBe(BURST);
  });

  it('is kept whatever number of others comes and goes', () => {
    const { rateLimiter } = open();
    callsUntilRefused(rateLimiter, 'a');
    for (let i = 0; i < 5000; i++) rateLimiter.permit(`other-${i}`).release();
    expect(callsUntilRefused(rateLimiter, 'a')).toBe(0);
  });

  it('is refused with the seconds after which the call can be repeated', () => {
    const { rateLimiter, wait } = open();
    callsUntilRefused(rateLimiter, 'a');
    const { status, headers, reason } = refusal(() => rateLimiter.permit('a'));
    expect({ status, reason }).toEqual({ status: 429, reason: 'calls_per_second' });
    wait(Number(headers['retry-after']) * 1000);
    rateLimiter.permit('a').release();
  });

  it('is used up by what makes the server more work', () => {
    const { rateLimiter, wait } = open();
    rateLimiter.permit('a').charge(BURST + 20);
    expect(refusal(() => rateLimiter.permit('a')).headers).toEqual({ 'retry-after': '3' });
    wait(3000);
    rateLimiter.permit('a').release();
  });

  it('is used up by the calls of a batch as by any others', () => {
    const { rateLimiter } = open();
    const permit = rateLimiter.permit('a');
    permit.acquire(3);
    permit.release();
    expect(callsUntilRefused(rateLimiter, 'a')).toBe(BURST - 3);
  });
});

describe('calls under way at once', () => {
  it('are refused beyond the limit, until one of them is over', () => {
    const { rateLimiter } = open();
    const permits = Array.from({ length: 4 }, () => rateLimiter.permit('a'));
    const [first, , , last] = permits as [
      (typeof permits)[0],
      unknown,
      unknown,
      (typeof permits)[0],
    ];
    for (const permit of permits.slice(0, 3)) permit.acquire(1);
    expect(refusal(() => last.acquire(1))).toMatchObject({ status: 429, reason: 'calls_at_once' });
    first.release();
    first.release();
    last.acquire(1);
    expect(refusal(() => rateLimiter.permit('a').acquire(1)).status).toBe(429);
    rateLimiter.permit('b').acquire(3);
  });

  it('are not over while their work goes on, though nobody waits for it any more', () => {
    const { rateLimiter } = open();
    const permit = rateLimiter.permit('a');
    permit.receive(1000);
    permit.acquire(3);
    const ends = [permit.hold(), permit.hold()];
    permit.release();
    ends[0]?.();
    expect(refusal(() => rateLimiter.permit('a').acquire(1)).status).toBe(429);
    expect(rateLimiter.held.bodies).toBe(1000);
    ends[1]?.();
    rateLimiter.permit('a').acquire(3);
    expect(rateLimiter.held.bodies).toBe(0);
  });

  it('are under way again when their work begins after their caller has gone', () => {
    const { rateLimiter } = open();
    const permit = rateLimiter.permit('a');
    permit.acquire(3);
    permit.release();
    const end = permit.hold();
    expect(refusal(() => rateLimiter.permit('a').acquire(1)).status).toBe(429);
    end();
    rateLimiter.permit('a').acquire(3);
  });

  it('take nothing that nobody gives back when their caller has gone before', () => {
    const { rateLimiter } = open();
    const permit = rateLimiter.permit('a');
    permit.release();
    permit.receive(1000);
    permit.acquire(3);
    expect(rateLimiter.held.bodies).toBe(0);
    rateLimiter.permit('a').acquire(3);
  });

  it('of one batch are refused for good when they are too many', () => {
    const { rateLimiter } = open();
    expect(refusal(() => rateLimiter.permit('a').acquire(4)).status).toBe(413);
  });
});

describe('bodies', () => {
  it('of one credential take a quarter of what there is, of all together no more than that', () => {
    const { rateLimiter } = open();
    const permits = ['a', 'b', 'c', 'd'].map((credential) => rateLimiter.permit(credential));
    for (const permit of permits) permit.receive(2000);
    const [first] = permits as [(typeof permits)[0]];
    expect(refusal(() => first.receive(1))).toMatchObject({ status: 503, reason: 'bodies' });
    expect(refusal(() => rateLimiter.permit('e').receive(1)).status).toBe(503);
    first.release();
    rateLimiter.permit('e').receive(2000);
    expect(refusal(() => first.receive(1)).status).toBe(503);
  });
});

describe('long answers', () => {
  const LONG = 600_000;

  it('are counted like bodies, but one always fits where nothing is held', () => {
    const { rateLimiter } = open();
    const [first, second] = [rateLimiter.permit('a'), rateLimiter.permit('b')];
    first.receive(1000);
    first.answer(LONG);
    expect(rateLimiter.held.bodies).toBe(1000 + LONG);
    expect(refusal(() => second.answer(LONG))).toMatchObject({ status: 503, reason: 'answers' });
    expect(refusal(() => second.receive(1)).status).toBe(503);
    first.release();
    second.answer(LONG);
    second.release();
    expect(rateLimiter.held.bodies).toBe(0);
  });

  it('are not what says that something was added', () => {
    const { rateLimiter } = open();
    rateLimiter.permit('a').answer(LONG);
    rateLimiter.permit('a').answer(300_000);
  });

  it('use up the rate by their length', () => {
    const { rateLimiter } = open();
    const permit = rateLimiter.permit('a');
    permit.answer(9 * 256 * 1024);
    permit.release();
    expect(callsUntilRefused(rateLimiter, 'a')).toBe(BURST - 10);
  });
});

describe('streams', () => {
  it('are limited by credential, and in all', () => {
    const { rateLimiter } = open();
    const close = rateLimiter.openStream('a');
    rateLimiter.openStream('a');
    expect(refusal(() => rateLimiter.openStream('a')).status).toBe(429);
    rateLimiter.openStream('b');
    expect(refusal(() => rateLimiter.openStream('b')).status).toBe(503);
    expect(rateLimiter.held.streams).toBe(3);
    close();
    close();
    expect(rateLimiter.held.streams).toBe(2);
    rateLimiter.openStream('b');
  });
});
