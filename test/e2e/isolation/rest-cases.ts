import type { Target } from './cases.ts';
import { SECRET } from './fixture.ts';

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
  ...common('v1', '/api/v1/user'),
  ...common('v2', '/api/v2/users'),
};
