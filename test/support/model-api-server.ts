import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { EndpointError } from '../../src/search/model-api/error.ts';

/** What every model's API does with a request in the tests, beside what only one of them does. */
export type CommonBehaviour =
  | 'hang'
  | 'reset'
  | 'redirect'
  | 'html'
  | { status: number; retryAfter?: string; body?: unknown };

/** Starts an HTTP server on a free port. Each request is read as JSON first. */
export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse, body: never) => Promise<void>,
): Promise<{ origin: string; close(): Promise<void> }> {
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    await handle(request, response, JSON.parse(Buffer.concat(chunks).toString()) as never);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Refuses a request that has another key than the one required. @returns whether it was refused */
export function refusesKey(
  { headers }: IncomingMessage,
  response: ServerResponse,
  key: string | undefined,
): boolean {
  const { authorization } = headers;
  if (key === undefined || authorization === `Bearer ${key}`) return false;
  json(response, 401, { error: { message: `Incorrect API key provided: ${authorization}.` } });
  return true;
}

/** @param redirectTo where `redirect` leads */
export function behave(
  response: ServerResponse,
  behaviour: CommonBehaviour,
  redirectTo: string,
): void {
  switch (behaviour) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'redirect':
      response.writeHead(307, { location: redirectTo }).end();
      return;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Sign in</p>');
      return;
  }
  const { status, retryAfter, body } = behaviour;
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  json(response, status, body ?? { error: { message: `told to answer ${status}` } });
}

/** How a call of a model's API fails, which it has to. */
export async function endpointFailure(work: Promise<unknown>): Promise<EndpointError> {
  const error = await work.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(EndpointError);
  return error;
}
