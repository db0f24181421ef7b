import {
  isLegacyRequest,
  type Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';

/** As nginx has it in its log: nobody is there to read it. */
const CLIENT_CLOSED_REQUEST = 499;

/**
 * Whether a request is of the 2025 era, and its answer all that comes back. Such a client takes JSON
 * as well as a stream, which costs more; but progress only a stream can tell.
 *
 * @param body what was posted
 */
export async function acceptsJson(request: Request, body: unknown): Promise<boolean> {
  // Requests of the newer era name their method in a header: most of the time that settles it.
  if (request.headers.has('mcp-method')) return false;
  if (typeof body !== 'object' || body === null || !('id' in body)) return false;
  const { params } = body as { params?: { _meta?: { progressToken?: unknown } } };
  return params?._meta?.progressToken === undefined && isLegacyRequest(request, body);
}

/** Answers a request that `takesJson`. The server is for it alone. */
export async function respondWithJson(
  server: Server,
  request: Request,
  body: unknown,
): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  const gone = new Promise<Response>((resolve) => {
    const end = () => {
      resolve(new Response(null, { status: CLIENT_CLOSED_REQUEST }));
      // Ends the call, too.
      server.close().catch(() => undefined);
    };
    if (request.signal.aborted) end();
    request.signal.addEventListener('abort', end, { once: true });
  });
  return Promise.race([transport.handleRequest(request, { parsedBody: body }), gone]);
}
