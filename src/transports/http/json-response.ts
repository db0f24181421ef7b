import {
  isLegacyRequest,
  type Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';

/** The status that nginx logs when the client has disconnected. Nobody receives it. */
const CLIENT_CLOSED_REQUEST = 499;

/**
 * Whether a request of the 2025 era needs no stream: it expects one response and no progress. A stream
 * costs more than JSON, but only a stream can carry progress notifications.
 *
 * @param body the parsed body
 */
export async function acceptsJson(request: Request, body: unknown): Promise<boolean> {
  // Requests of the newer era carry their method in a header: a cheap test that decides most cases.
  if (request.headers.has('mcp-method')) return false;
  if (typeof body !== 'object' || body === null || !('id' in body)) return false;
  const { params } = body as { params?: { _meta?: { progressToken?: unknown } } };
  return params?._meta?.progressToken === undefined && isLegacyRequest(request, body);
}

/** Answers a request for which `acceptsJson` is true. The server must serve no other request. */
export async function respondWithJson(
  server: Server,
  request: Request,
  body: unknown,
): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  const disconnected = new Promise<Response>((resolve) => {
    const abandon = () => {
      resolve(new Response(null, { status: CLIENT_CLOSED_REQUEST }));
      // This cancels the call as well.
      server.close().catch(() => undefined);
    };
    if (request.signal.aborted) abandon();
    request.signal.addEventListener('abort', abandon, { once: true });
  });
  return Promise.race([transport.handleRequest(request, { parsedBody: body }), disconnected]);
}
