import { setTimeout as sleep } from 'node:timers/promises';
import { quoted } from '../../domain/errors.ts';
import { fullJitter, retryAfter } from '../../search/model-api/backoff.ts';
import { SourceError } from './error.ts';
import { CutOff, createRequester, type GetOptions, type HttpAnswer } from './request.ts';

export interface ClientOptions {
  /** The address of the server, without the path of its API. */
  url: string;
  apiKey: string | undefined;
  /** How many requests run at once, at the most. */
  connections: number;
  signal: AbortSignal;
  /** Hears of every request that is sent again: after how long, and why. */
  onRetry?(wait: number, problem: SourceError): void;
  /** Times and sizes other than the usual ones. */
  limits?: Partial<typeof LIMITS>;
}

const LIMITS = {
  silenceMs: 60_000,
  totalMs: 300_000,
  /**
   * The longest answer. It is held in memory, as often as there are connections. Any one message that the
   * store takes fits, however its JSON is escaped.
   */
  maxBytes: 8 * 1024 * 1024,
  /** How often a request is sent, the first time included. */
  attempts: 7,
  /** The bounds of the wait before the second attempt, and before any. */
  waitMs: 500,
  waitMaxMs: 30_000,
  /** A server that asks for more patience than this is not waited for. */
  retryAfterMaxMs: 600_000,
};

/** How a request identifies itself. The generations have different schemes. */
export type Scheme = 'Bearer' | 'Api-Key';

/** Reads JSON from the old server. */
export interface Client {
  readonly url: string;
  /**
   * Gets JSON, and asks again after errors that may pass.
   *
   * @param path percent-encoded, from the address of the server on
   * @throws SourceError; the signal's reason when it aborts
   */
  get(path: string, scheme: Scheme): Promise<unknown>;
  close(): void;
}

/** Creates a client for one server. The key is sent to that server only: redirects are not followed. */
export function createClient(options: ClientOptions): Client {
  const { url, apiKey, connections, signal, onRetry = () => {} } = options;
  const limits = { ...LIMITS, ...options.limits };
  const base = new URL(url);
  const requester = createRequester(base, connections);
  const prefix = base.pathname.replace(/\/+$/, '');
  /** Whether anything has answered at the address. Until then it may be mistyped. */
  let isReached = false;

  async function attempt(path: string, scheme: Scheme): Promise<unknown> {
    const { silenceMs, totalMs, maxBytes } = limits;
    const headers = {
      accept: 'application/json',
      ...(apiKey !== undefined && { authorization: `${scheme} ${apiKey}` }),
    };
    const request: GetOptions = { headers, silenceMs, totalMs, maxBytes, signal };
    const answer = await requester.get(prefix + path, request).catch((error: unknown) => {
      throw connectionProblem(url, error);
    });
    isReached = true;
    if (answer.status !== 200) throw statusProblem(url, answer, apiKey);
    try {
      return JSON.parse(answer.body);
    } catch {
      const type = answer.headers['content-type'] ?? 'no content type';
      throw new SourceError(
        'foreign',
        `${url} answered with something that is not JSON (${quoted(type)}). Check --url: it has to be the address of a Zep server.`,
        200,
      );
    }
  }

  /** How long to wait before a request is sent again, in milliseconds; `undefined` if that is futile. */
  function waitBefore(attempts: number, error: unknown): number | undefined {
    if (!(error instanceof SourceError) || attempts >= limits.attempts) return undefined;
    const passes = error.problem === 'failing' || (isReached && isBroken(error));
    if (!passes) return undefined;
    const asked = error instanceof FailingError ? (error.retryAfter ?? 0) : 0;
    if (asked > limits.retryAfterMaxMs) return undefined;
    return Math.max(asked, fullJitter(attempts, limits.waitMs, limits.waitMaxMs));
  }

  return {
    url,
    async get(path, scheme) {
      for (let attempts = 1; ; attempts++) {
        try {
          return await attempt(path, scheme);
        } catch (error) {
          signal.throwIfAborted();
          const wait = waitBefore(attempts, error);
          if (wait === undefined) throw attempts === 1 ? error : givenUp(error, attempts);
          onRetry(wait, error as SourceError);
          await sleep(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
        }
      }
    },
    close: () => requester.close(),
  };
}

/** A status that may be another one a little later. */
class FailingError extends SourceError {
  /** In milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(message: string, status: number, after: number | undefined) {
    super('failing', message, status);
    this.retryAfter = after;
  }
}

function givenUp(error: unknown, attempts: number): unknown {
  if (!(error instanceof SourceError)) return error;
  const { problem, message, status } = error;
  return new SourceError(problem, `${message} It was asked ${attempts} times.`, status);
}

const isBroken = ({ problem }: SourceError) => problem === 'unreachable' || problem === 'timeout';

/** Codes of connections that will fail again: of certificates, and of servers that speak something else. */
const FINAL_CODES = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO|HPE_)/;

function connectionProblem(url: string, error: unknown): unknown {
  if (error instanceof CutOff) {
    return error.reason === 'timeout'
      ? new SourceError(
          'timeout',
          `${url} did not answer in time. Check that it is not overloaded.`,
        )
      : new SourceError('too_long', `${url} sent an answer that is too long.`);
  }
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return error;
  const reason = code ?? message;
  return FINAL_CODES.test(reason)
    ? new SourceError(
        'foreign',
        `${url} cannot be talked to (${reason}). Check --url, and its http or https.`,
      )
    : new SourceError(
        'unreachable',
        `${url} cannot be reached (${reason}). Check --url, and that the server runs.`,
      );
}

function statusProblem(url: string, answer: HttpAnswer, apiKey: string | undefined): SourceError {
  const { status, headers } = answer;
  const reason = reasonIn(answer, apiKey);
  const answered = `${url} answered ${status}${reason}.`;
  if (status === 401 || status === 403) {
    const advice =
      apiKey === undefined
        ? 'Give its API key as ZEP_API_KEY or --api-key.'
        : 'Check the API key (ZEP_API_KEY or --api-key) and what it may do.';
    return new SourceError('unauthorized', `${answered} ${advice}`, status);
  }
  if (status >= 300 && status < 400) {
    const target = headers.location === undefined ? '' : ` to ${quoted(headers.location)}`;
    return new SourceError(
      'refused',
      `${url} redirects${target} (${status}). Redirects are not followed, since the key would go along: give the address that it leads to as --url.`,
      status,
    );
  }
  if (status === 404 || status === 405) return new SourceError('not_found', answered, status);
  if (status === 408 || status === 429 || status >= 500) {
    const after = retryAfter(headers['retry-after'] ?? null);
    return new FailingError(answered, status, after);
  }
  return new SourceError('refused', answered, status);
}

/** The reason in an answer, as text or in the usual field of JSON, truncated and without the key. */
function reasonIn({ headers, body }: HttpAnswer, apiKey: string | undefined): string {
  let reason: unknown = /html/.test(headers['content-type'] ?? '') ? '' : body;
  try {
    reason = JSON.parse(body).message ?? reason;
  } catch {
    // It is text.
  }
  if (typeof reason !== 'string' || reason.trim() === '') return '';
  const safe = apiKey === undefined ? reason : reason.replaceAll(apiKey, '***');
  return `: ${quoted(safe.trim())}`;
}
