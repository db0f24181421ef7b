import type { Route } from './route.ts';
import { MEMORY_ROUTES as V1_MEMORY } from './v1/memory.ts';
import { SEARCH_ROUTES as V1_SEARCH } from './v1/search.ts';
import { SESSION_ROUTES as V1_SESSIONS } from './v1/sessions.ts';
import { USER_ROUTES as V1_USERS } from './v1/users.ts';
import { GRAPH_ROUTES } from './v2/graph.ts';
import { GRAPH_RECORD_ROUTES } from './v2/graph-by-uuid.ts';
import { MEMORY_ROUTES as V2_MEMORY } from './v2/memory.ts';
import { SEARCH_ROUTES as V2_SEARCH } from './v2/search.ts';
import { SESSION_ROUTES as V2_SESSIONS } from './v2/sessions.ts';
import { USER_ROUTES as V2_USERS } from './v2/users.ts';

const SEE_DOCUMENT = '/api/openapi.json lists what there is.';

/** All routes of both generations. */
export const ROUTES: readonly Route[] = [
  ...[V1_SESSIONS, V1_MEMORY, V1_SEARCH, V1_USERS].flat(),
  ...[V2_SESSIONS, V2_MEMORY, V2_SEARCH, V2_USERS, GRAPH_ROUTES, GRAPH_RECORD_ROUTES].flat(),
];

/** What the clients can ask for and is not served, with the reason. */
const NOT_SERVED: readonly (readonly [method: RegExp, path: RegExp, what: string])[] = [
  [/./, /^\/api\/v1\/collection/, 'Collections of documents are not served'],
  [
    /./,
    /^\/api\/v2\/graph\/(clone|group|[^/]+\/group)/,
    'Groups are not served, and graphs are not cloned',
  ],
  [/./, /^\/api\/v2\/(groups|users\/.+\/groups)/, 'Groups are not served'],
  [/./, /^\/api\/v2\/entity-types/, 'Types of entities are not served'],
  [/POST/, /\/(classify|extract|synthesize_question|synthesize)$/, 'No model is run here'],
];

/** The text for what is not served, although a route might fit its path. */
export function notServed(method: string, path: string): string | undefined {
  const [, , what] =
    NOT_SERVED.find(([methods, paths]) => methods.test(method) && paths.test(path)) ?? [];
  return what && `${what}. ${SEE_DOCUMENT}`;
}

/** The text for a path at which there is nothing. */
export const nothingAt = `There is no such route. ${SEE_DOCUMENT}`;
