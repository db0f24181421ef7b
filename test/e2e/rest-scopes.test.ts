import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/rest/routes.ts';
import { AUDIENCE, Issuer } from '../support/issuer.ts';
import { type Answer, send } from '../support/raw-http.ts';
import { Servers } from '../support/server-process.ts';
import { grant } from '../support/tokens.ts';

const NAMES = ROUTES.map(({ method, path }) => `${method} ${path}`);
const SEARCHES = [
  ...['POST /api/v1/sessions/{session_id}/search', 'POST /api/v2/sessions/search'],
  ...['node', 'edge'].map((kind) => `POST /api/v2/graph/${kind}/user/{user_id}`),
  'POST /api/v2/graph/search',
];
const READING = NAMES.filter((name) => name.startsWith('GET ') || SEARCHES.includes(name));
const ADDING_USERS = ['POST /api/v1/user', 'POST /api/v2/users'];
const DELETING_USERS = ['DELETE /api/v1/user/{user_id}', 'DELETE /api/v2/users/{user_id}'];
const without = (...left: string[][]) => NAMES.filter((name) => !left.flat().includes(name));

let servers: Servers;
let issuer: Issuer;
let file: string;
let env: Record<string, string>;
let url: string;
beforeAll(async () => {
  servers = await Servers.open();
  issuer = await Issuer.open();
  file = join(servers.directory, 'tokens.json');
  await grant(file, 'acme');
  env = {
    ...{ AUTH_TOKENS_FILE: file, AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE },
    ...{ AUTH_JWT_NAMESPACE_CLAIM: 'https://acme.example/tenant', AUTH_JWT_USER_CLAIM: 'sub' },
  };
  url = (await servers.spawnHttp({ env })).url;
});
afterAll(async () => {
  issuer?.close();
  await servers?.close();
});

const call = (token: string, name: string, body?: object, at = url): Promise<Answer> => {
  const [method = '', path = ''] = name.split(' ');
  return send(at, {
    ...{ method, path, headers: { authorization: `Api-Key ${token}` } },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
};

/** A token that a server knows: it looks at the file once a second. */
async function tokenFor(granted: Parameters<typeof grant>[2], at = url): Promise<string> {
  const token = await grant(file, randomUUID(), granted);
  const status = async () => (await call(token, 'GET /api/v2/nothing', undefined, at)).status;
  await expect.poll(status).toBe(404);
  return token;
}

/** The routes that do not answer 403, each asked about records that do not exist. */
async function allowedTo(token: string, at = url): Promise<string[]> {
  const allowed: string[] = [];
  for (const name of NAMES) {
    const path = name.replace(/\{(message_)?uuid\}/, randomUUID()).replace(/\{\w+\}/g, 'x');
    const answer = await call(token, path, name.startsWith('P') ? {} : undefined, at);
    if (answer.status !== 403) allowed.push(name);
    else expect(answer.body).toMatch(/ does not have the scope | does not offer | of one user/);
  }
  return allowed;
}

describe('the routes of a credential', () => {
  it('with sessions:read are those that read', async () => {
    expect(await allowedTo(await tokenFor({ scopes: ['sessions:read'] }))).toEqual(READING);
  });

  it('with sessions:write are those that change something, but not the deletion of users', async () => {
    const token = await tokenFor({ scopes: ['sessions:write'] });
    expect(await allowedTo(token)).toEqual(without(READING, DELETING_USERS));
  });

  it('with both are all but the deletion of users', async () => {
    expect(await allowedTo(await tokenFor({}))).toEqual(without(DELETING_USERS));
  });

  it('with admin are all', async () => {
    expect(await allowedTo(await tokenFor({ scopes: ['admin'] }))).toEqual(NAMES);
  });

  it('pinned to a user add and delete no users, whatever the scopes', async () => {
    const token = await tokenFor({ scopes: ['admin'], user_id: 'ada' });
    expect(await allowedTo(token)).toEqual(without(ADDING_USERS, DELETING_USERS));
  });
});

describe('a credential that is refused for its scope', () => {
  it('has changed nothing, and learns nothing of what there is', async () => {
    const namespace = randomUUID();
    const admin = await grant(file, namespace, { scopes: ['admin'] });
    const writer = await grant(file, namespace);
    const status = async () => (await call(writer, 'GET /api/v2/nothing')).status;
    await expect.poll(status).toBe(404);
    await call(admin, 'POST /api/v2/users', { user_id: 'ada' });
    await call(admin, 'POST /api/v2/sessions', { session_id: 's', user_id: 'ada' });
    for (const path of ['/api/v1/user/', '/api/v2/users/']) {
      const theirs = await call(writer, `DELETE ${path}ada`);
      const nobodys = await call(writer, `DELETE ${path}nobody`);
      expect([theirs.status, theirs.body]).toEqual([403, nobodys.body]);
    }
    expect((await call(admin, 'GET /api/v2/sessions/s')).status).toBe(200);
    expect((await call(admin, 'DELETE /api/v2/users/ada')).status).toBe(200);
    expect((await call(admin, 'GET /api/v2/sessions/s')).status).toBe(404);
  });
});

describe('a server', () => {
  it('with --read-only serves what reads, to everybody', async () => {
    const first = await servers.spawnHttp({ env });
    const token = await tokenFor({ scopes: ['admin'] }, first.url);
    await call(token, 'POST /api/v2/sessions', { session_id: 's' }, first.url);
    await first.kill('SIGTERM');
    const { url: at } = await servers.spawnHttp({ env, args: ['--read-only'] });
    expect(await allowedTo(token, at)).toEqual(READING);
    expect((await call(token, 'GET /api/v1/sessions/s', undefined, at)).status).toBe(200);
  });

  it('with --toolsets serves what belongs to these sets', async () => {
    const { url: at } = await servers.spawnHttp({ env, args: ['--toolsets', 'memory,users'] });
    const token = await tokenFor({ scopes: ['admin'] }, at);
    const ofSessions = ROUTES.filter(({ toolset }) => toolset === 'sessions');
    const allowed = await allowedTo(token, at);
    expect(allowed).toEqual(without(ofSessions.map(({ method, path }) => `${method} ${path}`)));
    expect(allowed).not.toContain('DELETE /api/v1/sessions/{session_id}/memory');
  });

  it('with --no-rest has nothing there', async () => {
    const { url: at } = await servers.spawnHttp({ args: ['--no-rest'] });
    for (const path of ['/healthz', '/api/openapi.json', '/api/v1/sessions', '/api/v2/users']) {
      const answer = await send(at + path);
      expect([answer.status, answer.headers['x-zep-version']], path).toEqual([404, undefined]);
    }
  });
});

describe('a JWT', () => {
  it('gives the namespace and the pin by the claims that are configured', async () => {
    const claims = { 'https://acme.example/tenant': 'jwt', namespace: 'other' };
    const [ada, bob] = (await Promise.all(
      ['ada', 'bob'].map((sub) => issuer.sign({ ...claims, sub })),
    )) as [string, string];
    const body = { messages: [{ role: 'user', content: 'hello' }] };
    expect((await call(ada, 'POST /api/v1/sessions/ada/1/memory', body)).status).toBe(200);
    const session = await call(ada, 'GET /api/v1/sessions/ada/1');
    expect(JSON.parse(session.body).user_id).toBe('ada');
    expect((await call(bob, 'GET /api/v1/sessions/ada/1')).status).toBe(404);
    expect((await call(bob, 'POST /api/v1/sessions/ada/2/memory', body)).status).toBe(403);
  });
});
