import type { Target } from './cases.ts';
import { BOB, SECRET } from './fixture.ts';

/** A request of a stranger, and what it is called. */
export interface Attempt {
  method: string;
  path: string;
  body?: object;
}

const said = { role: 'user', content: 'probe' };
const enc = encodeURIComponent;

/** What both generations have, with the place of a user's record. */
const common = (version: 'v1' | 'v2', users: string): Cases => {
  const session = (id: string) => `/api/${version}/sessions/${enc(id)}`;
  const user = (id: string) => `${users}/${enc(id)}`;
  const get = (path: string) => ({ method: 'GET', path });
  return {
    [`POST /api/${version}/sessions`]: ({ session_id, user_id }, own) =>
      [{ session_id }, { session_id, user_id }, { session_id: own, user_id }].map((body) => ({
        ...{ method: 'POST', path: `/api/${version}/sessions`, body },
      })),
    [`GET /api/${version}/sessions/{session_id}`]: ({ session_id }) => [get(session(session_id))],
    [`PATCH /api/${version}/sessions/{session_id}`]: ({ session_id }) => [
      { method: 'PATCH', path: session(session_id), body: { metadata: { probe: 1 } } },
      { method: 'PATCH', path: session(session_id), body: {} },
    ],
    [`POST /api/${version}/sessions/{session_id}/memory`]: ({ session_id, uuid }) =>
      [
        { messages: [said] },
        { messages: [said], metadata: { probe: 1 }, summary: { content: 'probe' } },
        { messages: [{ ...said, uuid }] },
      ].map((body) => ({ method: 'POST', path: `${session(session_id)}/memory`, body })),
    [`GET /api/${version}/sessions/{session_id}/memory`]: ({ session_id }) => [
      get(`${session(session_id)}/memory`),
      get(`${session(session_id)}/memory?lastn=1`),
    ],
    [`GET /api/${version}/sessions/{session_id}/messages`]: ({ session_id }) => [
      get(`${session(session_id)}/messages`),
      get(`${session(session_id)}/messages?limit=1&cursor=2`),
    ],
    [`GET /api/${version}/sessions/{session_id}/messages/{message_uuid}`]: (target) => [
      get(`${session(target.session_id)}/messages/${target.uuid}`),
    ],
    [`PATCH /api/${version}/sessions/{session_id}/messages/{message_uuid}`]: (target) => [
      {
        ...{ method: 'PATCH', path: `${session(target.session_id)}/messages/${target.uuid}` },
        body: { metadata: { probe: 1 } },
      },
    ],
    [`GET ${users}/{user_id}`]: ({ user_id }) => [get(user(user_id))],
    [`GET ${users}/{user_id}/sessions`]: ({ user_id }) => [
      get(`${user(user_id)}/sessions`),
      get(`${user(user_id)}/sessions?limit=1&cursor=1`),
    ],
    [`PATCH ${users}/{user_id}`]: ({ user_id }) => [
      { method: 'PATCH', path: user(user_id), body: { first_name: 'probe' } },
      { method: 'PATCH', path: user(user_id), body: {} },
    ],
    [`POST ${users}`]: ({ user_id }) => [{ method: 'POST', path: users, body: { user_id } }],
    // Last: what it deletes may be one of its own by then.
    [`DELETE /api/${version}/sessions/{session_id}/memory`]: ({ session_id }) => [
      { method: 'DELETE', path: `${session(session_id)}/memory` },
    ],
    [`DELETE ${users}/{user_id}`]: ({ user_id }) => [{ method: 'DELETE', path: user(user_id) }],
  };
};

const search = (path: string, ...bodies: object[]): Attempt[] =>
  bodies.map((body) => ({ method: 'POST', path, body }));

/** The routes of the graph: some name a user, of whom every stranger has one, and others a record alone. */
const GRAPH_CASES = (): Cases => {
  const graph = '/api/v2/graph';
  const post = (path: string, ...bodies: object[]) =>
    bodies.map((body) => ({ method: 'POST', path: `${graph}${path}`, body }));
  const get = (path: string) => [{ method: 'GET', path: `${graph}${path}` }];
  const remove = (path: string) => [{ method: 'DELETE', path: `${graph}${path}` }];
  const probe = { fact: 'probe', fact_name: 'IS' };
  const uuids = ({ uuid, fact, episode }: Target) => [
    ...[uuid, fact.uuid, fact.entity_uuid, episode],
  ];
  const ofEach = (cases: (uuid: string) => Attempt[]) => (target: Target) =>
    uuids(target).flatMap(cases);
  const list = (kind: string) => (target: Target) =>
    [target.user_id, BOB].flatMap((user_id) =>
      post(
        `/${kind}/user/${enc(user_id)}`,
        ...(user_id === BOB ? [] : [{}]),
        ...uuids(target).map((uuid_cursor) => ({ uuid_cursor })),
      ),
    );
  return {
    [`POST ${graph}`]: ({ user_id }) => post('', { user_id, data: 'probe' }),
    [`POST ${graph}-batch`]: ({ user_id }) =>
      post('-batch', { user_id, episodes: [{ data: 'probe' }] }),
    [`POST ${graph}/add-fact-triple`]: ({ user_id, fact }) =>
      post(
        '/add-fact-triple',
        { ...probe, user_id, target_node_name: fact.entity },
        { ...probe, user_id, target_node_uuid: fact.entity_uuid },
        { ...probe, user_id: BOB, target_node_uuid: fact.entity_uuid },
        { ...probe, user_id: BOB, source_node_uuid: fact.entity_uuid, target_node_name: 'probe' },
      ),
    [`POST ${graph}/search`]: ({ user_id, fact }) =>
      [user_id, BOB].flatMap((id) =>
        ['edges', 'nodes', 'episodes'].flatMap((scope) =>
          post(
            '/search',
            { user_id: id, scope, query: SECRET },
            { user_id: id, scope, query: fact.entity },
          ),
        ),
      ),
    [`POST ${graph}/node/user/{user_id}`]: list('node'),
    [`POST ${graph}/edge/user/{user_id}`]: list('edge'),
    [`GET ${graph}/edge/{uuid}`]: ofEach((uuid) => get(`/edge/${uuid}`)),
    [`DELETE ${graph}/edge/{uuid}`]: ofEach((uuid) => remove(`/edge/${uuid}`)),
    [`GET ${graph}/node/{uuid}`]: ofEach((uuid) => get(`/node/${uuid}`)),
    [`GET ${graph}/node/{uuid}/entity-edges`]: ofEach((uuid) => get(`/node/${uuid}/entity-edges`)),
    [`GET ${graph}/node/{uuid}/episodes`]: ofEach((uuid) => get(`/node/${uuid}/episodes`)),
    [`GET ${graph}/episodes/{uuid}`]: ofEach((uuid) => get(`/episodes/${uuid}`)),
    [`DELETE ${graph}/episodes/{uuid}`]: ofEach((uuid) => remove(`/episodes/${uuid}`)),
    [`GET ${graph}/episodes/{uuid}/mentions`]: ofEach((uuid) => get(`/episodes/${uuid}/mentions`)),
    [`GET ${graph}/episodes/user/{user_id}`]: ({ user_id }) =>
      get(`/episodes/user/${enc(user_id)}?lastn=1`),
    'GET /api/v2/facts/{uuid}': ofEach((uuid) => [
      { method: 'GET', path: `/api/v2/facts/${uuid}` },
    ]),
    'DELETE /api/v2/facts/{uuid}': ofEach((uuid) => [
      { method: 'DELETE', path: `/api/v2/facts/${uuid}` },
    ]),
    'GET /api/v2/users/{user_id}/facts': ({ user_id }) => [
      { method: 'GET', path: `/api/v2/users/${enc(user_id)}/facts` },
    ],
    'GET /api/v2/users/{user_id}/node': ({ user_id }) => [
      { method: 'GET', path: `/api/v2/users/${enc(user_id)}/node` },
    ],
  };
};

type Cases = Record<string, (target: Target, own: string) => Attempt[]>;

/**
 * For every route, the requests that could reveal to a stranger whether a record exists. Lists that name no
 * record are tested elsewhere: they show the caller's own records.
 *
 * @param own an identifier that the stranger may create a session with
 */
export const REST_CASES: Cases = {
  'POST /api/v1/sessions/{session_id}/search': ({ session_id }) =>
    search(
      `/api/v1/sessions/${enc(session_id)}/search?limit=5`,
      { text: SECRET },
      { text: SECRET, search_scope: 'summary' },
      { text: SECRET, metadata: { where: { note: SECRET } } },
    ),
  'POST /api/v2/sessions/search': ({ session_id, user_id }, own) =>
    search(
      '/api/v2/sessions/search?limit=5',
      { text: SECRET },
      { text: SECRET, user_id },
      { text: SECRET, user_id, search_scope: 'summary' },
      { text: SECRET, session_ids: [session_id] },
      { text: SECRET, session_ids: [session_id], user_id },
      { text: SECRET, session_ids: [own, session_id] },
      { text: SECRET, session_ids: [], user_id },
    ),
  ...GRAPH_CASES(),
  ...common('v1', '/api/v1/user'),
  ...common('v2', '/api/v2/users'),
};
