import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CompactEncrypt, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIENCE, Issuer } from '../../support/issuer.ts';
import { JSON_HEADERS, message, send } from '../../support/raw-http.ts';
import { type ServerProcess, Servers } from '../../support/server-process.ts';
import { grant, revoke } from '../../support/tokens.ts';

const CALL = JSON.stringify({
  ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
  params: { name: 'list_sessions', arguments: {} },
});

let servers: Servers;
let issuer: Issuer;
let server: ServerProcess & { url: string };
let file: string;
/** Whatever was sent as a token: none of it may show anywhere. */
const sent = new Set<string>();

beforeAll(async () => {
  servers = await Servers.open();
  issuer = await Issuer.open('/tenant');
  file = join(servers.directory, 'tokens.json');
  await grant(file, 'acme');
  const auth = { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE, AUTH_TOKENS_FILE: file };
  server = await servers.spawnHttp({ env: { ...auth, LOG_LEVEL: 'debug' } });
});
afterAll(async () => {
  issuer?.close();
  await servers?.close();
});

const REST_PATHS = ['/api/v1/sessions', '/api/v2/users-ordered'] as const;
const isRest = (path: string) => path.startsWith('/api/');

async function call(token: string, path = '/mcp') {
  sent.add(token);
  const scheme = path.startsWith('/api/v2') ? 'Api-Key' : 'Bearer';
  const headers = { ...JSON_HEADERS, authorization: `${scheme} ${token}` };
  const method = path === '/sse' || isRest(path) ? 'GET' : 'POST';
  const body = method === 'POST' ? { body: CALL } : {};
  return send(server.url + path, { method, headers, ...body });
}

const now = () => Math.floor(Date.now() / 1000);
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An HS256 token, made by hand: no library would sign one with a public key. */
function hs256(header: object, claims: object, secret: string): string {
  const text = `${part({ alg: 'HS256', ...header })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

type Make = () => Promise<string> | string;
const HOSTILE: [what: string, status: 401 | 403, make: Make][] = [
  ['that has expired', 401, () => issuer.sign({ exp: now() - 60 })],
  ['that never expires', 401, () => issuer.sign({ exp: undefined })],
  ['that is not good yet', 401, () => issuer.sign({ nbf: now() + 60 })],
  ['of another issuer', 401, () => issuer.sign({ iss: 'https://other.example' })],
  ['of no issuer', 401, () => issuer.sign({ iss: undefined })],
  ['for another audience', 401, () => issuer.sign({ aud: 'https://other.example/mcp' })],
  ['for an audience that starts the same', 401, () => issuer.sign({ aud: `${AUDIENCE}.evil` })],
  ['for no audience', 401, () => issuer.sign({ aud: undefined })],
  ['of nobody', 401, () => issuer.sign({ sub: undefined })],
  ['whose subject is a number', 401, () => issuer.sign({ sub: 7 })],
  ['whose subject is true', 401, () => issuer.sign({ sub: true })],
  ['whose subject is null', 401, () => issuer.sign({ sub: null })],
  ['whose subject is a list', 401, () => issuer.sign({ sub: ['somebody'] })],
  ['whose subject is an object', 401, () => issuer.sign({ sub: { id: 'somebody' } })],
  ['whose subject is empty', 401, () => issuer.sign({ sub: '' })],
  ['whose subject is 2,000 bytes long', 401, () => issuer.sign({ sub: 's'.repeat(2000) })],
  ['whose expiry is text', 401, () => issuer.sign({ exp: `${now() + 60}` })],
  ['whose expiry is null', 401, () => issuer.sign({ exp: null })],
  ['whose expiry is infinite', 401, () => issuer.signText({ exp: 'EXP' }, '"EXP"', '1e999')],
  ['whose time of issue is text', 401, () => issuer.sign({ iat: `${now()}` })],
  ['whose beginning is text', 401, () => issuer.sign({ nbf: `${now()}` })],
  ['whose beginning is null', 401, () => issuer.sign({ nbf: null })],
  ['whose issuer is a list', 401, () => issuer.sign({ iss: [issuer.url] })],
  ['whose audience is an object', 401, () => issuer.sign({ aud: { [AUDIENCE]: true } })],
  ['one of whose audiences is a number', 401, () => issuer.sign({ aud: [AUDIENCE, 7] })],
  ['whose scope is a number', 401, () => issuer.sign({ scope: 7 })],
  ['whose scope is an object', 401, () => issuer.sign({ scope: { 'sessions:read': true } })],
  ['whose scope is a list of lists', 401, () => issuer.sign({ scope: [['sessions:read']] })],
  ['whose scp is a number', 401, () => issuer.sign({ scp: 7 })],
  ['with the algorithm none', 401, () => `${part({ alg: 'none' })}.${part(issuer.claims())}.`],
  ['with None', 401, () => `${part({ alg: 'None', kid: issuer.kid })}.${part(issuer.claims())}.AA`],
  [
    'signed with the public key as if it were shared',
    401,
    async () => hs256({ kid: issuer.kid }, issuer.claims(), await issuer.publicKeyText()),
  ],
  ['signed with an empty secret', 401, () => hs256({}, issuer.claims(), '')],
  ['with an unknown key', 401, () => issuer.sign({}, { kid: 'unknown' })],
  [
    'signed by somebody else under a known key',
    401,
    async () => issuer.sign({}, {}, (await generateKeyPair('ES256')).privateKey),
  ],
  [
    'that brings its own key',
    401,
    async () => {
      const { privateKey } = await generateKeyPair('ES256');
      return issuer.sign({}, { jwk: { kty: 'EC' }, jku: 'http://127.0.0.1:1/' }, privateKey);
    },
  ],
  [
    'with an extension that has to be understood',
    401,
    () => {
      const header = { alg: 'ES256', kid: issuer.kid, crit: ['evil'], evil: 1 };
      return `${part(header)}.${part(issuer.claims())}.${randomBytes(64).toString('base64url')}`;
    },
  ],
  [
    'that is encrypted',
    401,
    async () => {
      const { publicKey } = await generateKeyPair('RSA-OAEP-256');
      const claims = new TextEncoder().encode(JSON.stringify(issuer.claims()));
      return new CompactEncrypt(claims)
        .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
        .encrypt(publicKey);
    },
  ],
  ['whose claims were changed', 401, async () => changed(await issuer.sign())],
  ['without its signature', 401, async () => (await issuer.sign()).replace(/[^.]*$/, '')],
  ['that is no JWT', 401, () => 'evil'],
  ['of dots', 401, () => '..'],
  ['that is huge', 401, () => 'e'.repeat(12_000)],
  ['without a namespace', 403, () => issuer.sign({ namespace: undefined })],
  ['with an empty namespace', 403, () => issuer.sign({ namespace: '' })],
  ['with a number for a namespace', 403, () => issuer.sign({ namespace: 7 })],
  ['with a list of namespaces', 403, () => issuer.sign({ namespace: ['acme'] })],
  ['with a namespace of 2,000 bytes', 403, () => issuer.sign({ namespace: 'n'.repeat(2000) })],
  ['without scopes', 403, () => issuer.sign({ scope: undefined })],
  ['with scopes of others', 403, () => issuer.sign({ scope: 'openid sessions:reader ADMIN' })],
  ['of the static kind, made up', 401, () => `mcps_${'0'.repeat(12)}_${'A'.repeat(43)}`],
  ['of the static kind, malformed', 401, () => 'mcps_evil'],
  [
    'of the static kind with a known identifier',
    401,
    async () => settled((await grant(file, 'acme')).replace(/.{43}$/, 'A'.repeat(43))),
  ],
  [
    'of the static kind that has expired',
    401,
    async () => {
      const token = await grant(file, 'acme', { expires_at: new Date(0).toISOString() });
      return settled(token);
    },
  ],
  [
    'of the static kind that is revoked',
    401,
    async () => {
      const token = await grant(file, 'acme');
      await revoke(file, token);
      return settled(token);
    },
  ],
];

/** Adds a claim to a signed token. */
function changed(token: string): string {
  const [header, , signature] = token.split('.');
  return `${header}.${part(issuer.claims({ namespace: 'other' }))}.${signature}`;
}

/** Waits until the server has surely seen what is in the file: it recognises a newer token. */
async function settled(token: string): Promise<string> {
  const marker = await grant(file, 'acme');
  await expect.poll(async () => (await call(marker)).status, { timeout: 5000 }).toBe(200);
  return token;
}

describe.each(['/mcp', '/sse', '/messages?sessionId=x', REST_PATHS[1]])('at %s', (path) => {
  it.each(HOSTILE)('a token %s is refused with %i', async (what, status, make) => {
    const answer = await call(await make(), path);
    expect(answer.status, answer.body).toBe(status);
    const challenge = answer.headers['www-authenticate'];
    if (status === 401) {
      expect(challenge).toMatch(/^Bearer /);
      expect(challenge).toContain('error="invalid_token"');
      const resource = path === '/mcp' ? '/mcp' : '/sse';
      const metadata = `${server.url}/.well-known/oauth-protected-resource${resource}`;
      // Whoever calls REST has got its key beforehand.
      expect(challenge?.includes('resource_metadata')).toBe(!isRest(path));
      if (!isRest(path)) expect(challenge).toContain(`resource_metadata="${metadata}"`);
    }
    // A client that is told that scopes are missing tries to get them.
    expect(challenge?.includes('insufficient_scope') ?? false).toBe(/scopes/.test(what));
  });
});

describe('a request', () => {
  const bare = (headers: Record<string, string | string[]>, path = '/mcp') =>
    send(server.url + path, { headers: { ...JSON_HEADERS, ...headers }, body: CALL });

  it('is let in with a good token of either kind', async () => {
    for (const token of [await issuer.sign(), await settled(await grant(file, 'acme'))]) {
      const answer = await call(token);
      expect(answer.status, answer.body).toBe(200);
      expect(message(answer).result.structuredContent).toEqual({ sessions: [] });
      for (const path of REST_PATHS) expect((await call(token, path)).status, path).toBe(200);
    }
  });

  it('is let in with the scopes where some issuers put them', async () => {
    for (const scp of ['sessions:read', ['sessions:read']]) {
      const answer = await call(await issuer.sign({ scope: undefined, scp }));
      expect(answer.status, answer.body).toBe(200);
    }
  });

  it('is asked to sign in without a token, and told nothing of an error', async () => {
    for (const headers of [{}, { authorization: '' }]) {
      const answer = await bare(headers);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toContain('resource_metadata="');
      expect(answer.headers['www-authenticate']).toContain('scope="sessions:read sessions:write"');
    }
    expect((await bare({})).headers['www-authenticate']).not.toContain('error=');
  });

  it('is not let in by a good token anywhere but in its header', async () => {
    const token = await issuer.sign();
    sent.add(token);
    for (const path of [`/mcp?access_token=${token}`, `/mcp?token=${token}`]) {
      expect((await bare({}, path)).status).toBe(401);
    }
    for (const path of REST_PATHS) {
      expect((await bare({}, `${path}?access_token=${token}&api_key=${token}`)).status).toBe(401);
    }
    for (const headers of [
      { cookie: `access_token=${token}` },
      { 'x-api-key': token },
      { 'api-key': token },
      { authorization: token },
      { authorization: `Basic ${token}` },
      { authorization: `ApiKey ${token}` },
      { authorization: `Token ${token}` },
      { authorization: `Bearer Api-Key ${token}` },
      { authorization: `Bearer ${token}, Bearer ${token}` },
      { authorization: `Bearer ${token}, Api-Key ${token}` },
      { authorization: `Bearer ${token} ${token}` },
      { authorization: `Api-Key ${token}=x` },
      { authorization: `Api-Key\t${token}` },
    ]) {
      for (const path of ['/mcp', REST_PATHS[0]]) {
        expect((await bare(headers as Record<string, string>, path)).status).toBe(401);
      }
    }
  });

  it('is refused with two tokens, though the first is good', async () => {
    const token = await issuer.sign();
    sent.add(token);
    for (const second of ['Bearer evil', 'Api-Key evil', `Api-Key ${token}`]) {
      for (const path of ['/mcp', REST_PATHS[1]]) {
        const answer = await bare({ authorization: [`Bearer ${token}`, second] }, path);
        expect(answer.status).toBe(400);
        expect(answer.headers['www-authenticate']).toContain('error="invalid_request"');
      }
    }
  });

  it('is let in with either scheme, written in any case', async () => {
    const token = await issuer.sign();
    sent.add(token);
    for (const scheme of ['Bearer', 'Api-Key', 'api-key', 'BEARER', 'Api-Key  ']) {
      for (const path of REST_PATHS) {
        const headers = { authorization: `${scheme} ${token}` };
        expect((await send(server.url + path, { headers })).status, scheme).toBe(200);
      }
    }
  });
});

describe('the keys of an issuer', () => {
  it('are fetched again for one that is new, but not for every one that is made up', async () => {
    await call(await issuer.sign());
    const before = issuer.keysFetched;
    for (let i = 0; i < 20; i++) await call(await issuer.sign({}, { kid: `made-up-${i}` }));
    expect(issuer.keysFetched - before).toBeLessThanOrEqual(1);
  });

  it('are not taken from one who claims to be another', async () => {
    const other = await Issuer.open();
    other.claimed = issuer.url;
    const env = { AUTH_JWT_ISSUER: other.url, AUTH_JWT_AUDIENCE: AUDIENCE };
    const { url } = await servers.spawnHttp({ env });
    const token = await other.sign();
    const headers = { ...JSON_HEADERS, authorization: `Bearer ${token}` };
    expect((await send(`${url}/mcp`, { headers, body: CALL })).status).toBe(503);
    other.close();
  });

  it('cannot be asked for while it is down: 503, not 401, until it is back', async () => {
    const down = await Issuer.open();
    down.broken = true;
    const env = { AUTH_JWT_ISSUER: down.url, AUTH_JWT_AUDIENCE: AUDIENCE };
    const { url } = await servers.spawnHttp({ env });
    const token = await down.sign();
    const headers = { ...JSON_HEADERS, authorization: `Bearer ${token}` };
    const status = async () => (await send(`${url}/mcp`, { headers, body: CALL })).status;
    expect(await status()).toBe(503);
    down.broken = false;
    await expect.poll(status, { timeout: 10_000, interval: 200 }).toBe(200);
    down.close();
  });
});

describe('how to sign in', () => {
  it('is said to anybody, where RFC 9728 has it', async () => {
    for (const resource of ['', '/mcp', '/sse']) {
      const answer = await send(`${server.url}/.well-known/oauth-protected-resource${resource}`);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({
        resource: server.url + resource,
        authorization_servers: [issuer.url],
        bearer_methods_supported: ['header'],
        scopes_supported: ['sessions:read', 'sessions:write', 'admin'],
      });
    }
    const path = '/.well-known/oauth-protected-resource/evil';
    expect((await send(server.url + path)).status).toBe(404);
  });

  it('names the address that clients know, where that is another', async () => {
    const env = {
      ...{ AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE },
      PUBLIC_URL: 'https://sessions.example/',
    };
    const { url } = await servers.spawnHttp({ env });
    const headers = { ...JSON_HEADERS, host: 'sessions.example' };
    const refused = await send(`${url}/mcp`, { headers, body: CALL });
    const metadata = 'https://sessions.example/.well-known/oauth-protected-resource/mcp';
    expect(refused.headers['www-authenticate']).toContain(`resource_metadata="${metadata}"`);
    const found = await send(`${url}${new URL(metadata).pathname}`, { headers });
    expect(JSON.parse(found.body).resource).toBe('https://sessions.example/mcp');
  });
});

// Last: it looks at all that was sent above.
describe('a token', () => {
  it('is never written to the log, nor any part of it', async () => {
    expect(sent.size).toBeGreaterThan(50);
    await server.kill('SIGTERM');
    const written = server.stdout() + server.stderr();
    expect(written).toContain('token refused');
    for (const token of sent) {
      for (const text of token.split('.').filter((piece) => piece.length > 20)) {
        expect(written).not.toContain(text);
      }
    }
    // The greeting says where a token goes.
    expect(written).not.toMatch(/Bearer (?!TOKEN")/);
  });
});
