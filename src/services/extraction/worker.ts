import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { fullJitter } from '../../search/model-api/backoff.ts';
import type { ChatModel } from '../../search/model-api/chat.ts';
import { EndpointError } from '../../search/model-api/error.ts';
import type { NamespaceActivity } from '../../store/port.ts';
import type { Dependencies } from '../dependencies.ts';
import { isRefusal } from '../errors.ts';
import { createFactAccess, type FactAccess } from '../facts/access.ts';
import type { Batch } from './batch.ts';
import type { Limits } from './budget.ts';
import { type ExtractionEvents, observedModel } from './events.ts';
import { extractFacts } from './extract.ts';
import { holdLease, LEASE_NAME, namespaceLease } from './lease.ts';
import { Meter } from './meter.ts';
import { lookForBatch, SessionMemory } from './namespace.ts';
import { namespacesOf } from './pages.ts';

/** How often namespaces are looked at, in milliseconds. */
const POLL_MS = { min: 1000, max: 30_000 };

/** For how long a namespace counts as looked through while nothing newer is in it, in milliseconds. */
const REMEMBERED_MS = 300_000;

const BACKOFF_MS = { first: 1000, max: 300_000 };

/** The longest that an endpoint can ask to be left alone, in milliseconds. */
const RETRY_AFTER_MAX_MS = 3_600_000;

export interface ExtractorOptions {
  deps: Dependencies;
  model: ChatModel;
  limits: Limits;
  /** How long messages are gathered, in milliseconds. */
  waitMs: number;
  /** Names this process, and no other. */
  holder: string;
  events: ExtractionEvents;
  /** The bound of the first delay after a failure, in milliseconds. */
  retryDelayMs?: number;
}

/** What a process does while it has the lease. */
interface Leadership {
  meter: Meter;
  ended: AbortController;
}

/** One process's part in the extraction of facts. Of all that share a store, one does it at a time. */
export class Extractor {
  readonly #options: ExtractorOptions;
  readonly #access: FactAccess;
  readonly #sessions = new SessionMemory();
  /** When a namespace was looked through, and what was the last in it then. */
  readonly #done = new Map<string, { last: string | undefined; at: number }>();
  #failures = 0;
  #problem: string | undefined;

  constructor(options: ExtractorOptions) {
    this.#options = options;
    this.#access = createFactAccess(options.deps);
  }

  /** Extracts until the signal is aborted; waits while another process does. */
  async run(stop: AbortSignal): Promise<void> {
    const pollMs = Math.min(POLL_MS.max, Math.max(POLL_MS.min, this.#options.waitMs));
    while (!stop.aborted) {
      const led = await this.lead(stop, async (round, signal) => {
        while (!signal.aborted) {
          // The lease is kept while it waits: another process would not be answered either.
          const hasMore = await round().catch((error: unknown) => this.#failed(error, signal));
          if (!hasMore) await pause(pollMs, signal);
        }
      }).catch((error: unknown) => this.#failed(error, stop));
      if (!led) await pause(pollMs, stop);
    }
  }

  /**
   * Works as the one that extracts.
   *
   * @param work gets a function that looks at every namespace, reads at most one batch of each, and tells
   *   whether there may be more; and a signal that ends with the lease. The function throws EndpointError,
   *   BudgetSpent, LeaseLost, and what the store throws
   * @returns false if another process extracts at the moment
   */
  async lead(
    stop: AbortSignal,
    work: (round: () => Promise<boolean>, signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const { deps, limits, holder, events } = this.#options;
    const ended = new AbortController();
    const end = () => ended.abort(stop.reason);
    const lease = await holdLease(await deps.store(), LEASE_NAME, holder, (error) =>
      ended.abort(error),
    );
    if (lease === undefined) return false;
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) end();
    events.leads(true);
    const meter = new Meter(lease, limits, deps.now, ended.signal);
    try {
      await work(() => this.#round({ meter, ended }), ended.signal);
    } finally {
      stop.removeEventListener('abort', end);
      ended.abort();
      events.leads(false);
      await lease.release();
    }
    return true;
  }

  async #round(led: Leadership): Promise<boolean> {
    const store = await this.#options.deps.store();
    let hasMore = false;
    for await (const one of namespacesOf(store)) {
      led.ended.signal.throwIfAborted();
      if (this.#isDone(one)) continue;
      if (await this.#step(led, one).catch((error) => this.#skip(one, error))) hasMore = true;
    }
    return hasMore;
  }

  #isDone({ namespace, updated_at }: NamespaceActivity): boolean {
    const done = this.#done.get(namespace);
    const isRecent = done !== undefined && performance.now() - done.at < REMEMBERED_MS;
    return isRecent && done.last === updated_at;
  }

  /** A namespace that cannot be read must not keep the others waiting. */
  #skip({ namespace, updated_at }: NamespaceActivity, error: unknown): boolean {
    if (!(error instanceof DomainError) || error.code !== 'INTERNAL') throw error;
    this.#options.events.blocked(error);
    this.#done.set(namespace, { last: updated_at, at: performance.now() });
    return false;
  }

  /** @returns whether there may be more to do */
  async #step(led: Leadership, { namespace, updated_at }: NamespaceActivity): Promise<boolean> {
    const { deps, holder, waitMs } = this.#options;
    const store = await deps.store();
    const own = await holdLease(store, namespaceLease(namespace), holder, (error) =>
      led.ended.abort(error),
    );
    // A rebuild holds it.
    if (own === undefined) return false;
    try {
      const at = performance.now();
      const options = { store, now: deps.now(), waitMs };
      const look = await lookForBatch(options, namespace, own.state, this.#sessions);
      if (look.batch !== undefined) {
        const confirm = () => own.save(look.progress);
        if (!(await this.#extract(led, namespace, look.batch, confirm))) return false;
      } else {
        await own.save(look.progress);
        if (!look.isWaiting && !look.hasMore) this.#done.set(namespace, { last: updated_at, at });
      }
      return look.hasMore;
    } finally {
      await own.release();
    }
  }

  /** @returns false if the user is not there any more */
  async #extract(
    { meter, ended }: Leadership,
    namespace: string,
    batch: Batch,
    confirm: () => Promise<void>,
  ): Promise<boolean> {
    const { deps, model, events } = this.#options;
    const { signal } = ended;
    const extraction = {
      ...{ deps, access: this.#access, model: observedModel(model, events), signal },
      turns: {
        begin: meter.begin.bind(meter),
        end: meter.end.bind(meter),
        wrong: (problem) => {
          meter.wrong(problem);
          events.wrong(problem);
        },
      },
      async confirm() {
        signal.throwIfAborted();
        await Promise.all([meter.save(), confirm()]);
      },
    } satisfies Parameters<typeof extractFacts>[0];
    const caller = { namespace, credential: LEASE_NAME };
    try {
      const result = await extractFacts(extraction, caller, batch);
      this.#failures = 0;
      this.#problem = undefined;
      events.batch({ messages: batch.messages.length, ...result });
      await meter.read(result);
      return true;
    } catch (error) {
      // The user was deleted meanwhile; the sessions are going to be, too.
      if (isRefusal(error, 'user_not_found')) return false;
      throw error;
    }
  }

  /** Waits after a failure. */
  async #failed(error: unknown, signal: AbortSignal): Promise<false> {
    if (signal.aborted) return false;
    const { events, retryDelayMs = BACKOFF_MS.first } = this.#options;
    const problem = error instanceof EndpointError ? error.problem : String(error);
    if (problem !== this.#problem) events.blocked(error);
    this.#problem = problem;
    this.#failures++;
    const asked = error instanceof EndpointError ? (error.retryAfter ?? 0) : 0;
    const own = fullJitter(this.#failures, retryDelayMs, BACKOFF_MS.max);
    await pause(Math.max(own, Math.min(asked, RETRY_AFTER_MAX_MS)), signal);
    return false;
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => {});
