import { retryAfter } from './backoff.ts';
import { type Endpoint, named, unusable } from './endpoint.ts';
import { EndpointError, type EndpointProblem } from './error.ts';

const ERROR_MAX_BYTES = 16 * 1024;

export interface PostOptions {
  apiKey: string | undefined;
  /** Milliseconds. */
  timeout: number;
  /** The largest answer that is read. */
  maxBytes: number;
  signal: AbortSignal | undefined;
}

/**
 * Posts a request to an endpoint and returns the response body.
 *
 * @throws EndpointError unless a 200 of acceptable size arrives in time; the signal's reason if it
 *   was aborted for a cause other than a time-out
 */
export async function post(
  endpoint: Endpoint,
  request: object,
  { apiKey, timeout, maxBytes, signal }: PostOptions,
): Promise<string> {
  const deadline = startDeadline(timeout, signal);
  try {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(request),
      // The key and the texts are sent to the configured URL only.
      redirect: 'manual',
      signal: deadline.signal,
    });
    if (!response.ok) throw await failureOf(response, endpoint, apiKey);
    const { text, whole } = await readText(response, maxBytes);
    if (!whole) throw unusable(endpoint.api, `more than ${maxBytes} bytes`);
    return text;
  } catch (error) {
    if (error instanceof EndpointError) throw error;
    if (signal?.aborted && signal.reason?.name !== 'TimeoutError') throw signal.reason;
    if (deadline.signal.aborted) {
      const advice = 'Check that it is not overloaded and that its model is loaded.';
      throw new EndpointError('timeout', `${named(endpoint)} did not answer in time. ${advice}`);
    }
    const cause = (error as Error).cause as (Error & { code?: string }) | undefined;
    throw new EndpointError(
      'unreachable',
      `${named(endpoint)} cannot be reached (${cause?.code ?? cause?.message ?? 'no reason given'}). Check that it runs and that its address is right.`,
      { cause: error },
    );
  } finally {
    deadline.clear();
  }
}

/**
 * A signal that aborts at the time limit or with another signal. `AbortSignal.any` would do, but on
 * Node 20 it keeps every signal alive that was derived from a long-lived one.
 */
function startDeadline(timeout: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, timeout);
  if (outer?.aborted) abort();
  outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

async function failureOf(
  response: Response,
  endpoint: Endpoint,
  apiKey: string | undefined,
): Promise<EndpointError> {
  const { status, headers } = response;
  const { text } = await readText(response, ERROR_MAX_BYTES).catch(() => ({ text: '' }));
  const reason = reasonIn(text, apiKey);
  const [problem, advice] = meaningOf(status, endpoint.api.refusal);
  const message = `${named(endpoint)} answered ${status}${reason && `: ${reason}`}. ${advice}`;
  return new EndpointError(problem, message, {
    retryAfter: retryAfter(headers.get('retry-after')),
  });
}

function meaningOf(status: number, refusal: string): [EndpointProblem, string] {
  if (status === 401 || status === 403) {
    return ['unauthorized', 'Check the API key and what it may do.'];
  }
  if (status >= 300 && status < 400) {
    return ['misconfigured', 'Redirects are not followed: give the address that it leads to.'];
  }
  if (status === 404 || status === 405) {
    return ['misconfigured', 'Check the address, and that the endpoint has the model.'];
  }
  if (status === 429) return ['overloaded', 'Check the limits of the account, or wait.'];
  // Text Embeddings Inference answers 424 where others answer 500.
  if (status === 408 || status === 424 || status >= 500) {
    return ['failing', "Look into the endpoint's own log."];
  }
  return ['refused', refusal];
}

/** The reason in the usual fields of an error body, truncated, with the key removed. */
function reasonIn(body: string, apiKey: string | undefined): string {
  let reason: unknown;
  try {
    const { error, message, detail } = JSON.parse(body);
    reason = error?.message ?? error ?? message ?? detail;
  } catch {
    return '';
  }
  if (typeof reason !== 'string') return '';
  const safe = apiKey === undefined ? reason : reason.replaceAll(apiKey, '***');
  return safe.slice(0, 200).replace(/[.\s]+$/, '');
}

/** Reads a body up to `maxBytes`; the rest is not received. */
async function readText(response: Response, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) break;
    chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString('utf8'), whole: bytes <= maxBytes };
}
