import { checked } from '../domain/checked-input.ts';
import { mayDo, type Principal } from '../domain/principal.ts';
import type { Toolset } from '../domain/toolsets.ts';
import { type CallOptions, runCall } from '../services/calls/run-call.ts';
import { REST_ERRORS, RestError } from './errors.ts';
import { openApiDocument } from './openapi.ts';
import { queryOf } from './query.ts';
import { isReading, type RestServices, type Route } from './route.ts';
import { createRouter } from './router.ts';
import { nothingAt, notServed, ROUTES } from './routes.ts';

/** Options of the REST API, beside the services. */
export interface RestOptions extends CallOptions {
  version: string;
  /** Milliseconds since 1970. */
  now(): number;
  /** Only routes of these sets are served. */
  toolsets: readonly Toolset[];
  /** Only routes that change nothing are served. */
  readOnly: boolean;
}

/** A request as the transport has read it. */
export interface RestRequest {
  method: string;
  /** As it was sent, percent-encoded, without the query. */
  path: string;
  query: string;
  /** The parsed body; `undefined` if it has none. */
  body: unknown;
  headers: Readonly<Record<string, unknown>>;
  caller: Principal;
  /** Identifies the request in the log. */
  requestId: string;
  /** Aborts when the client disconnects. */
  signal: AbortSignal;
  /** Holds what the call is counted by until the work has ended. */
  hold(): () => void;
}

export interface RestAnswer {
  status: number;
  contentType: string;
  /** Additional headers. */
  headers?: Readonly<Record<string, string>>;
  body: string;
}

/** The front end for the original clients: see docs/architecture.md. */
export interface Rest {
  /** Whether a path belongs to the REST API. */
  serves(path: string): boolean;
  /** The answer to a GET that needs no credential; `undefined` if a path needs one. */
  publicAnswer(path: string): RestAnswer | undefined;
  /** Answers one request. Never throws. */
  answer(request: RestRequest): Promise<RestAnswer>;
  /** The answer to a request that was refused before it became a call. */
  refusal(path: string, status: number, message: string): RestAnswer;
  /** Whether the body of a request is read. */
  readsBody(method: string, path: string): boolean;
}

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';

/** What the clients ask for to see that the server is there; one of them compares the text. */
const HEALTH_PATH = '/healthz';
const OPENAPI_PATH = '/api/openapi.json';

/** Creates the REST API over some services. */
export function createRest(options: RestOptions, services: RestServices): Rest {
  const find = createRouter(ROUTES);
  let openApi: string | undefined;

  function routeAt(method: string, path: string) {
    const without = notServed(method, path);
    return without === undefined ? find(method, path) : { methods: [], without };
  }

  async function run(request: RestRequest): Promise<RestAnswer> {
    const { method, path, caller } = request;
    const match = routeAt(method, path);
    const name = 'route' in match ? `${method} ${match.route.path}` : 'no route';
    const { requestId: request_id, headers, signal, hold } = request;
    const call = {
      call: { method: name, caller, request_id },
      span: () => spanNames(name, 'route' in match ? match.route : undefined, request_id),
      ...{ carrier: headers, signal, hold },
    };
    return runCall(options, call, REST_ERRORS, async () => {
      if (!('route' in match)) throw notFound(match);
      const { route, parameters } = match;
      assertAllowed(route, caller);
      const { path: pathSchema, query, body } = route.request;
      const parts = {
        path: pathSchema && checked(parameters, { name: `the path of ${name}`, input: pathSchema }),
        query: query && checked(queryOf(request.query), { name, input: query }),
        body: body && checked(request.body ?? {}, { name, input: body }),
      };
      const answer = await route.run(parts as never, { ...services, caller, now: options.now });
      return typeof answer === 'string'
        ? { status: route.status, contentType: TEXT_TYPE, body: answer }
        : { status: route.status, contentType: JSON_TYPE, body: JSON.stringify(answer) };
    });
  }

  function assertAllowed(route: Route, caller: Principal): void {
    const reads = isReading(route);
    const what = `${route.method} ${route.path}`;
    if (!options.toolsets.includes(route.toolset) || (options.readOnly && !reads)) {
      throw new RestError('PERMISSION_DENIED', `This server does not offer ${what}.`);
    }
    const scope = route.needs === 'admin' ? 'admin' : reads ? 'sessions:read' : 'sessions:write';
    if (!mayDo(caller, scope)) {
      throw new RestError(
        'PERMISSION_DENIED',
        `This credential does not have the scope ${scope}, which ${what} needs.`,
      );
    }
    if (route.needs !== undefined && caller.user_id !== undefined) {
      throw new RestError(
        'PERMISSION_DENIED',
        'This credential is for the records of one user. Ask whoever runs the server for another one.',
      );
    }
  }

  return {
    serves: (path) => path.startsWith('/api/') || path === HEALTH_PATH,

    publicAnswer(path) {
      if (path === HEALTH_PATH) return { status: 200, contentType: TEXT_TYPE, body: '.' };
      if (path !== OPENAPI_PATH) return undefined;
      openApi ??= JSON.stringify(openApiDocument(ROUTES, options.version));
      return { status: 200, contentType: JSON_TYPE, body: openApi };
    },

    async answer(request) {
      try {
        return await run(request);
      } catch (error) {
        const { status, message, headers } = error as RestError;
        return { ...refusal(request.path, status, message), headers };
      }
    },

    refusal,

    readsBody(method, path) {
      if (method === 'GET') return false;
      const match = routeAt(method, path);
      return 'route' in match && match.route.request.body !== undefined;
    },
  };
}

/** The first generation expects errors as text, the second as JSON. */
function refusal(path: string, status: number, message: string): RestAnswer {
  return path.startsWith('/api/v1/')
    ? { status, contentType: TEXT_TYPE, body: message }
    : { status, contentType: JSON_TYPE, body: JSON.stringify({ message }) };
}

/** @param match.without what is not served at the path, and why */
function notFound(match: { methods: readonly string[]; without?: string }): RestError {
  const { methods, without = nothingAt } = match;
  if (methods.length === 0) return new RestError('NOT_FOUND', without);
  const headers = { allow: methods.join(', ') };
  return new RestError('INVALID_ARGUMENT', `Use ${methods.join(' or ')} here.`, 405, headers);
}

/** Names by the OpenTelemetry conventions for HTTP. */
function spanNames(name: string, route: Route | undefined, request_id: string) {
  const attributes = {
    'mcp_sessions.request_id': request_id,
    ...(route !== undefined && { 'http.request.method': route.method, 'http.route': route.path }),
  };
  return { name, attributes };
}
