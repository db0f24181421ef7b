import type { z } from 'zod';
import type { Principal } from '../domain/principal.ts';
import type { Toolset } from '../domain/toolsets.ts';
import type { FactService } from '../services/facts/index.ts';
import type { MemoryService } from '../services/memory.ts';
import type { SearchService } from '../services/search/index.ts';
import type { SessionService } from '../services/sessions.ts';
import type { UserService } from '../services/users.ts';

/** The services that routes map to. */
export interface RestServices {
  sessions: SessionService;
  memory: MemoryService;
  search: SearchService;
  users: UserService;
  facts: FactService;
}

/** The context of one request. */
export interface RestContext extends RestServices {
  caller: Principal;
  /** Milliseconds since 1970. */
  now(): number;
}

export type RestMethod = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** The schemas of what a request carries. An absent one carries nothing. */
interface RequestSchemas<Path, Query, Body> {
  path?: Path;
  query?: Query;
  body?: Body;
}

/** A request whose parts were checked. */
interface CheckedRequest<
  Path extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodObject,
> {
  path: z.output<Path>;
  query: z.output<Query>;
  body: z.output<Body>;
}

/** One route of the REST API, as data: the router, the checks and the OpenAPI document are made from it. */
export interface Route<
  Path extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodObject = z.ZodObject,
  Answer extends z.ZodType = z.ZodType,
> {
  method: RestMethod;
  /** The whole path; a parameter stands in braces, as in OpenAPI. */
  path: string;
  /** One line about what it does. */
  summary: string;
  toolset: Toolset;
  /** Whether it changes nothing, though its method might. */
  reads?: true;
  /** Only callers who are not pinned to a user may use it; `admin`: who have that scope, too. */
  needs?: 'unpinned' | 'admin';
  request: RequestSchemas<Path, Query, Body>;
  status: 200 | 201;
  /** A `z.literal` text is answered as plain text, all else as JSON. */
  answer: Answer;
  run(request: CheckedRequest<Path, Query, Body>, context: RestContext): Promise<z.input<Answer>>;
}

/** Gives a route its types: `run` receives the checked request and returns the answer. */
export function defineRoute<
  Path extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodObject,
  Answer extends z.ZodType,
>(route: Route<Path, Query, Body, Answer>): Route {
  return route as unknown as Route;
}

/** Whether a route changes nothing. */
export const isReading = ({ method, reads }: Pick<Route, 'method' | 'reads'>): boolean =>
  method === 'GET' || reads === true;
