import type { HttpLimits } from '../limits.ts';
import { HttpError } from './http-error.ts';

/** The capacity of the token bucket, in seconds of the allowed rate. */
const BURST_SECONDS = 10;

/** What a body or an answer of a length is charged as: one call for each such part of it. */
export const BYTES_PER_CALL = 256 * 1024;

/**
 * Shorter answers are not counted. Those to requests that add something are shorter: a client would take the
 * refusal for a failure, and repeat what was done.
 */
const LONG_ANSWER_BYTES = 512 * 1024;

/** Idle credentials are evicted each time this many credentials have been added. */
const EVICT_EVERY = 1000;

/** The current usage of one credential. */
interface Usage {
  /** The calls that it may make now; refilled over time. */
  tokens: number;
  /** When `tokens` was computed, in milliseconds. */
  at: number;
  calls: number;
  bytes: number;
  streams: number;
}

/** The share of the limits that one request holds until it is released. */
export interface Permit {
  /** Adds bytes of the body that have arrived. @throws HttpError 503 when too many are held */
  receive(bytes: number): void;
  /** Charges the work that the body causes, as a number of calls. */
  charge(calls: number): void;
  /**
   * Counts an answer like a body, for the time that the client leaves it unread. One always fits where no other
   * bytes are held. @throws HttpError 503 when too many are held
   */
  answer(bytes: number): void;
  /**
   * Starts the calls of the request: several if the body is a batch. @throws HttpError 413 or 429
   */
  acquire(calls: number): void;
  /** Extends the permit beyond its release, until the returned function is called. */
  hold(): () => void;
  /**
   * Releases the permit; what is held stays counted until the work has ended. May be called
   * repeatedly.
   */
  release(): void;
}

/**
 * Applies the limits to each credential separately. The rate is limited by a token bucket that
 * refills continuously: two numbers per credential, and neither timers nor promises.
 */
export class RateLimiter {
  readonly #limits: HttpLimits;
  readonly #now: () => number;
  readonly #burst: number;
  readonly #byCredential = new Map<string, Usage>();
  #credentialsAdded = 0;
  #bytes = 0;
  #streams = 0;

  /** @param now a monotonic clock, in milliseconds */
  constructor(limits: HttpLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#burst = limits.callsPerSecond * BURST_SECONDS;
  }

  /** The number of open streams and the bytes of request bodies held, over all credentials. */
  get held(): { streams: number; bodies: number } {
    return { streams: this.#streams, bodies: this.#bytes };
  }

  /**
   * Grants a request its permit, before any of its body is read, and takes one token.
   *
   * @throws HttpError 429 when the credential has exceeded its rate
   */
  permit(credential: string): Permit {
    const usage = this.#usageOf(credential);
    this.#takeToken(usage);
    const { callsAtOnce, messageMax, bodiesMax } = this.#limits;
    // No credential can fill the shared memory alone, but the longest message always fits.
    const bytesPerCredential = Math.max(bodiesMax / 4, messageMax);
    let bytes = 0;
    let calls = 0;
    let holds = 0;
    let released = false;
    let counted = true;
    const count = (sign: 1 | -1) => {
      counted = sign === 1;
      usage.bytes += sign * bytes;
      this.#bytes += sign * bytes;
      usage.calls += sign * calls;
    };
    const releaseIfDone = () => {
      if (counted && released && holds === 0) count(-1);
    };
    const isTooMuch = (more: number) =>
      this.#bytes + more > bodiesMax || usage.bytes + more > bytesPerCredential;
    const add = (more: number) => {
      bytes += more;
      if (!counted) return;
      usage.bytes += more;
      this.#bytes += more;
    };
    return {
      receive(more) {
        if (isTooMuch(more)) {
          throw refusal(503, 'bodies', 'The server has too much to read at once. Repeat the call.');
        }
        add(more);
      },
      charge: (more) => {
        usage.tokens -= more;
      },
      answer: (more) => {
        usage.tokens -= more / BYTES_PER_CALL;
        if (more < LONG_ANSWER_BYTES) return;
        if (isTooMuch(more) && this.#bytes > bytes) {
          throw refusal(
            503,
            'answers',
            'Too many long answers are on their way at once. Read them, ask for less at once, or repeat the call.',
          );
        }
        add(more);
      },
      acquire: (more) => {
        if (more > callsAtOnce) {
          throw new HttpError(
            413,
            `The batch has ${more} messages, and at most ${callsAtOnce} calls may be under way at once. Send fewer.`,
          );
        }
        if (usage.calls + more > callsAtOnce) {
          throw refusal(
            429,
            'calls_at_once',
            `At most ${callsAtOnce} calls of one credential may be under way at once. Repeat this one when another is answered.`,
          );
        }
        // `permit` has taken the token of the first call.
        usage.tokens -= Math.max(0, more - 1);
        calls += more;
        if (counted) usage.calls += more;
      },
      hold: () => {
        holds += 1;
        // The client may have disconnected before the work began.
        if (!counted) count(1);
        return () => {
          holds -= 1;
          releaseIfDone();
        };
      },
      release: () => {
        released = true;
        releaseIfDone();
      },
    };
  }

  /**
   * Counts an open stream until the returned function is called.
   *
   * @throws HttpError 429 when the credential has too many streams, 503 when all together have
   */
  openStream(credential: string): () => void {
    const usage = this.#usageOf(credential);
    const { streamsPerCredential, streamsMax } = this.#limits;
    if (usage.streams >= streamsPerCredential) {
      throw refusal(
        429,
        'streams',
        `At most ${streamsPerCredential} streams of one credential may be open. Close another first.`,
      );
    }
    if (this.#streams >= streamsMax) {
      throw refusal(503, 'streams', 'Too many streams are open. Try again later.');
    }
    usage.streams += 1;
    this.#streams += 1;
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      usage.streams -= 1;
      this.#streams -= 1;
    };
  }

  #takeToken(usage: Usage): void {
    this.#refill(usage);
    const { callsPerSecond } = this.#limits;
    if (usage.tokens < 1) {
      const seconds = Math.ceil((1 - usage.tokens) / callsPerSecond);
      throw refusal(
        429,
        'calls_per_second',
        `One credential may make ${callsPerSecond} calls a second. Repeat the call after ${seconds} s.`,
        seconds,
      );
    }
    usage.tokens -= 1;
  }

  #refill(usage: Usage): void {
    const now = this.#now();
    const refilled = ((now - usage.at) / 1000) * this.#limits.callsPerSecond;
    usage.tokens = Math.min(this.#burst, usage.tokens + refilled);
    usage.at = now;
  }

  #usageOf(credential: string): Usage {
    const known = this.#byCredential.get(credential);
    if (known !== undefined) return known;
    this.#credentialsAdded += 1;
    if (this.#credentialsAdded % EVICT_EVERY === 0) this.#evictIdle();
    const usage = { tokens: this.#burst, at: this.#now(), calls: 0, bytes: 0, streams: 0 };
    this.#byCredential.set(credential, usage);
    return usage;
  }

  #evictIdle(): void {
    for (const [credential, usage] of this.#byCredential) {
      this.#refill(usage);
      const idle = usage.calls + usage.bytes + usage.streams === 0;
      if (idle && usage.tokens === this.#burst) this.#byCredential.delete(credential);
    }
  }
}

function refusal(status: 429 | 503, reason: string, message: string, seconds = 1): HttpError {
  return new HttpError(status, message, { 'retry-after': String(seconds) }, reason);
}
