import { setMaxListeners } from 'node:events';
import { isLegacyRequest, type JSONRPCMessage, type Server } from '@modelcontextprotocol/server';
import { type Batch, NO_BATCHES } from '../batch.ts';
import { invalidRequest, isRequest } from '../json-rpc.ts';
import { respondWithJson } from './json-response.ts';

/**
 * Answers a batch. Each message is served as if it had come alone, and the responses are put into
 * one array. Without a stream of its own, none of them reports progress.
 *
 * @param serve creates a server, which serves one message
 * @param json whether the client accepts JSON; otherwise it gets a stream with one event
 */
export async function respondToBatch(
  serve: () => Server,
  request: Request,
  batch: Batch,
  json: boolean,
): Promise<Response> {
  // Each message listens for the end of the connection.
  setMaxListeners(0, request.signal);
  const bodies = await Promise.all(
    batch.map((member) =>
      'message' in member
        ? bodyFor(serve, request, member.message)
        : JSON.stringify(member.invalid),
    ),
  );
  const responses = bodies.filter((body) => body !== '');
  if (responses.length === 0) return new Response(null, { status: 202 });
  const text = `[${responses.join(',')}]`;
  const served = batch.some((member) => 'message' in member);
  return json || !served ? jsonResponse(text, served ? 200 : 400) : streamOf(text);
}

/** The body of the response to one message; empty if it has none. */
async function bodyFor(
  serve: () => Server,
  request: Request,
  message: JSONRPCMessage,
): Promise<string> {
  if (!(await isLegacyRequest(request, message))) {
    return JSON.stringify(invalidRequest(NO_BATCHES, isRequest(message) ? message.id : null));
  }
  const response = await respondWithJson(serve(), request, message);
  return response.text();
}

function jsonResponse(text: string, status: number): Response {
  return new Response(text, { status, headers: { 'content-type': 'application/json' } });
}

function streamOf(text: string): Response {
  return new Response(`event: message\ndata: ${text}\n\n`, {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
  });
}
