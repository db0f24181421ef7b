import { describe, expect, it } from 'vitest';
import { HttpError } from '../../../src/transports/http/http-error.ts';
import { Admission } from '../../../src/transports/http/rate-limiter.ts';

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

/** An admission on a clock that stands still until it is moved. */
function open() {
  let now = 0;
  const admission = new Admission(LIMITS, () => now);
  const wait = (ms: number) => {
    now += ms;
  };
  return { admission, wait };
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
function callsUntilRefused(admission: Admission, credential: string): number {
  for (let calls = 0; ; calls++) {
    try {
      admission.visit(credential).leave();
    } catch {
      return calls;
    }
  }
}

describe('the rate of one credential', () => {
  it('is limited once its burst is used up, and grows back with time', () => {
    const { admission, wait } = open();
    expect(callsUntilRefused(admission, 'a')).toBe(BURST);
    wait(500);
    expect(callsUntilRefused(admission, 'a')).toBe(5);
    wait(3_600_000);
    expect(callsUntilRefused(admission, 'a')).toBe(BURST);
  });

  it('is that of no other', () => {
    const { admission } = open();
    callsUntilRefused(admission, 'a');
    expect(callsUntilRefused(admission, 'b')).toBe(BURST);
  });

  it('is kept whatever number of others comes and goes', () => {
    const { admission } = open();
    callsUntilRefused(admission, 'a');
    for (let i = 0; i < 5000; i++) admission.visit(`other-${i}`).leave();
    expect(callsUntilRefused(admission, 'a')).toBe(0);
  });

  it('is refused with the seconds after which the call can be repeated', () => {
    const { admission, wait } = open();
    callsUntilRefused(admission, 'a');
    const { status, headers, reason } = refusal(() => admission.visit('a'));
    expect({ status, reason }).toEqual({ status: 429, reason: 'calls_per_second' });
    wait(Number(headers['retry-after']) * 1000);
    admission.visit('a').leave();
  });

  it('is used up by what makes the server more work', () => {
    const { admission, wait } = open();
    admission.visit('a').charge(BURST + 20);
    expect(refusal(() => admission.visit('a')).headers).toEqual({ 'retry-after': '3' });
    wait(3000);
    admission.visit('a').leave();
  });

  it('is used up by the calls of a batch as by any others', () => {
    const { admission } = open();
    const visit = admission.visit('a');
    visit.enter(3);
    visit.leave();
    expect(callsUntilRefused(admission, 'a')).toBe(BURST - 3);
  });
});

describe('calls under way at once', () => {
  it('are refused beyond the limit, until one of them is over', () => {
    const { admission } = open();
    const visits = Array.from({ length: 4 }, () => admission.visit('a'));
    const [first, , , last] = visits as [(typeof visits)[0], unknown, unknown, (typeof visits)[0]];
    for (const visit of visits.slice(0, 3)) visit.enter(1);
    expect(refusal(() => last.enter(1))).toMatchObject({ status: 429, reason: 'calls_at_once' });
    first.leave();
    first.leave();
    last.enter(1);
    expect(refusal(() => admission.visit('a').enter(1)).status).toBe(429);
    admission.visit('b').enter(3);
  });

  it('are not over while their work goes on, though nobody waits for it any more', () => {
    const { admission } = open();
    const visit = admission.visit('a');
    visit.receive(1000);
    visit.enter(3);
    const ends = [visit.hold(), visit.hold()];
    visit.leave();
    ends[0]?.();
    expect(refusal(() => admission.visit('a').enter(1)).status).toBe(429);
    expect(admission.held.bodies).toBe(1000);
    ends[1]?.();
    admission.visit('a').enter(3);
    expect(admission.held.bodies).toBe(0);
  });

  it('are under way again when their work begins after their caller has gone', () => {
    const { admission } = open();
    const visit = admission.visit('a');
    visit.enter(3);
    visit.leave();
    const end = visit.hold();
    expect(refusal(() => admission.visit('a').enter(1)).status).toBe(429);
    end();
    admission.visit('a').enter(3);
  });

  it('take nothing that nobody gives back when their caller has gone before', () => {
    const { admission } = open();
    const visit = admission.visit('a');
    visit.leave();
    visit.receive(1000);
    visit.enter(3);
    expect(admission.held.bodies).toBe(0);
    admission.visit('a').enter(3);
  });

  it('of one batch are refused for good when they are too many', () => {
    const { admission } = open();
    expect(refusal(() => admission.visit('a').enter(4)).status).toBe(413);
  });
});

describe('bodies', () => {
  it('of one credential take a quarter of what there is, of all together no more than that', () => {
    const { admission } = open();
    const visits = ['a', 'b', 'c', 'd'].map((credential) => admission.visit(credential));
    for (const visit of visits) visit.receive(2000);
    const [first] = visits as [(typeof visits)[0]];
    expect(refusal(() => first.receive(1))).toMatchObject({ status: 503, reason: 'bodies' });
    expect(refusal(() => admission.visit('e').receive(1)).status).toBe(503);
    first.leave();
    admission.visit('e').receive(2000);
    expect(refusal(() => first.receive(1)).status).toBe(503);
  });
});

describe('streams', () => {
  it('are limited by credential, and in all', () => {
    const { admission } = open();
    const close = admission.openStream('a');
    admission.openStream('a');
    expect(refusal(() => admission.openStream('a')).status).toBe(429);
    admission.openStream('b');
    expect(refusal(() => admission.openStream('b')).status).toBe(503);
    expect(admission.held.streams).toBe(3);
    close();
    close();
    expect(admission.held.streams).toBe(2);
    admission.openStream('b');
  });
});
