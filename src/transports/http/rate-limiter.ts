import type { HttpLimits } from '../limits.ts';
import { HttpError } from './http-error.ts';

/** How many seconds' worth of calls may come at once. */
const BURST_SECONDS = 10;

/** After how many new credentials those that hold nothing are forgotten. */
const FORGET_EVERY = 1000;

/** What one credential takes at the moment. */
interface Usage {
  /** Calls that it may make now; grows with time. */
  tokens: number;
  /** When `tokens` was right, in milliseconds. */
  at: number;
  calls: number;
  bytes: number;
  streams: number;
}

/** What one request takes, until it leaves. */
export interface Lease {
  /** Counts bytes of its body that have arrived. @throws HttpError 503 when there are too many */
  receive(bytes: number): void;
  /** Counts as further calls the work that its body makes. */
  charge(calls: number): void;
  /** Begins its calls: more than one if the body is a batch. @throws HttpError 413 or 429 */
  acquire(calls: number): void;
  /** Keeps what it takes until the returned function is called, though it should leave before. */
  hold(): () => void;
  /** Gives everything back once its work has ended; once is enough, more often does no harm. */
  release(): void;
}

/**
 * Keeps credentials within their limits, each by itself. The rate is that of a bucket of tokens which
 * fills evenly: that takes two numbers a credential and neither timers nor promises.
 */
export class RateLimiter {
  readonly #limits: HttpLimits;
  readonly #now: () => number;
  readonly #burst: number;
  readonly #byCredential = new Map<string, Usage>();
  #newcomers = 0;
  #bytes = 0;
  #streams = 0;

  /** @param now a clock that only goes forward, in milliseconds */
  constructor(limits: HttpLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#burst = limits.callsPerSecond * BURST_SECONDS;
  }

  /** How many streams are open, and how many bytes of bodies are held, by all together. */
  get held(): { streams: number; bodies: number } {
    return { streams: this.#streams, bodies: this.#bytes };
  }

  /**
   * Lets a request in, before any of its body is read.
   *
   * @throws HttpError 429 when the credential has made its calls for now
   */
  lease(credential: string): Lease {
    const usage = this.#usageOf(credential);
    this.#takeToken(usage);
    const { callsAtOnce, messageMax, bodiesMax } = this.#limits;
    // Nobody alone can fill what all share, but the longest message always fits.
    const share = Math.max(bodiesMax / 4, messageMax);
    let bytes = 0;
    let calls = 0;
    let working = 0;
    let left = false;
    let counted = true;
    const count = (sign: 1 | -1) => {
      counted = sign === 1;
      usage.bytes += sign * bytes;
      this.#bytes += sign * bytes;
      usage.calls += sign * calls;
    };
    const giveBack = () => {
      if (counted && left && working === 0) count(-1);
    };
    return {
      receive: (more) => {
        if (this.#bytes + more > bodiesMax || usage.bytes + more > share) {
          throw refusal(503, 'bodies', 'The server has too much to read at once. Repeat the call.');
        }
        bytes += more;
        if (!counted) return;
        usage.bytes += more;
        this.#bytes += more;
      },
      charge: (more) => {
        usage.tokens -= more;
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
        // The first was paid for at the door.
        usage.tokens -= Math.max(0, more - 1);
        calls += more;
        if (counted) usage.calls += more;
      },
      hold: () => {
        working += 1;
        // Its caller may have gone before the work began.
        if (!counted) count(1);
        return () => {
          working -= 1;
          giveBack();
        };
      },
      release: () => {
        left = true;
        giveBack();
      },
    };
  }

  /**
   * Counts a stream in, until the returned function is called.
   *
   * @throws HttpError 429 when the credential has too many, 503 when all together have
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
    this.#fill(usage);
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

  #fill(usage: Usage): void {
    const now = this.#now();
    const grown = ((now - usage.at) / 1000) * this.#limits.callsPerSecond;
    usage.tokens = Math.min(this.#burst, usage.tokens + grown);
    usage.at = now;
  }

  #usageOf(credential: string): Usage {
    const known = this.#byCredential.get(credential);
    if (known !== undefined) return known;
    this.#newcomers += 1;
    if (this.#newcomers % FORGET_EVERY === 0) this.#forgetIdle();
    const usage = { tokens: this.#burst, at: this.#now(), calls: 0, bytes: 0, streams: 0 };
    this.#byCredential.set(credential, usage);
    return usage;
  }

  #forgetIdle(): void {
    for (const [credential, usage] of this.#byCredential) {
      this.#fill(usage);
      const idle = usage.calls + usage.bytes + usage.streams === 0;
      if (idle && usage.tokens === this.#burst) this.#byCredential.delete(credential);
    }
  }
}

function refusal(status: 429 | 503, reason: string, message: string, seconds = 1): HttpError {
  return new HttpError(status, message, { 'retry-after': String(seconds) }, reason);
}
