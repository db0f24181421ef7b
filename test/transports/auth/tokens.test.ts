import { utimesSync, writeFileSync } from 'node:fs';
import { chmod, chown, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AUDIENCE, Issuer } from '../../support/issuer.ts';
import { JSON_HEADERS, SseStream, send } from '../../support/raw-http.ts';
import { MODERN_META } from '../../support/raw-stdio.ts';
import { Servers } from '../../support/server-process.ts';
import { grant, revoke } from '../../support/tokens.ts';

let servers: Servers;
let number = 0;
/** A file of each test's own, which is not there yet. */
let file: string;

beforeAll(async () => {
  servers = await Servers.open();
});
afterAll(() => servers?.close());
beforeEach(() => {
  file = join(servers.directory, `${number++}`, 'tokens.json');
});

/** Runs the command to its end. */
async function token(...args: string[]) {
  const command = servers.spawn({ args: ['token', ...args], env: { AUTH_TOKENS_FILE: file } });
  const { code } = await command.exited;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

const serve = (env: Record<string, string> = {}) =>
  servers.spawnHttp({ env: { AUTH_TOKENS_FILE: file, ...env } });

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const post = (url: string, text: string, body = PING) =>
  send(url, { headers: { ...JSON_HEADERS, ...bearer(text) }, body });
const status = async ({ url }: { url: string }, text: string) =>
  (await post(`${url}/mcp`, text)).status;

describe('the command token', () => {
  it('prints a new token alone, and keeps what recognises it but does not reveal it', async () => {
    const flags = ['--namespace', 'acme', '--user', 'ada', '--expires', '30d', '--name', 'laptop'];
    const { code, stdout, stderr } = await token('create', ...flags);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mcps_[0-9a-f]{12}_[\w-]{43}\n$/);
    const secret = stdout.trim().slice(-43);
    const kept = await readFile(file, 'utf8');
    expect(kept + stderr).not.toContain(secret);
    expect(JSON.parse(kept).tokens).toMatchObject([
      {
        namespace: 'acme',
        user_id: 'ada',
        name: 'laptop',
        scopes: ['sessions:read', 'sessions:write'],
      },
    ]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('lists tokens without what recognises them, and says which have expired', async () => {
    await grant(file, 'acme', { expires_at: new Date(0).toISOString() });
    await grant(file, 'beta', { scopes: ['admin'] });
    const { code, stdout } = await token('list');
    expect(code).toBe(0);
    const [first, second] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toMatchObject({ namespace: 'acme', expired: true });
    expect(second).toMatchObject({ namespace: 'beta', scopes: ['admin'] });
    expect(stdout).not.toContain('sha256');
    expect(second).not.toHaveProperty('expired');
  });

  it('revokes one and leaves the others', async () => {
    const [one, other] = [await grant(file, 'acme'), await grant(file, 'acme')];
    const [, id] = one.split('_');
    expect((await token('revoke', id as string)).code).toBe(0);
    expect((await token('list')).stdout).not.toContain(id);
    expect((await token('list')).stdout).toContain(other.split('_')[1]);
    expect((await token('revoke', id as string)).code).toBe(2);
  });

  it('loses none of many that are made and revoked at once, by processes of their own', async () => {
    const doomed = await Promise.all([grant(file, 'doomed'), grant(file, 'doomed')]);
    const made = Array.from({ length: 8 }, (_, i) => token('create', '--namespace', `n${i}`));
    const revoked = doomed.map((text) => token('revoke', text.split('_')[1] as string));
    for (const { code, stderr } of await Promise.all([...made, ...revoked])) {
      expect(code, stderr).toBe(0);
    }
    const { tokens } = JSON.parse(await readFile(file, 'utf8'));
    const namespaces = tokens.map(({ namespace }: { namespace: string }) => namespace);
    expect(namespaces.sort()).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7']);
  });

  it.each([
    [['create'], '--namespace is missing'],
    [['create', '--namespace', ''], '--namespace must not be empty'],
    [['create', '--namespace', 'a', '--scopes', 'sessions:raed'], 'sessions:read'],
    [['create', '--namespace', 'a', '--expires', '30'], '30d'],
    [['create', '--namespace', 'a', '--expires', '0d'], '30d'],
    [['create', 'x', '--namespace', 'a'], 'token --help'],
    [['create', '--colour', 'red'], '--colour'],
    [['revoke'], 'token revoke ID'],
    [['revoke', 'a', 'b'], 'token revoke ID'],
    [['revoke', 'nobody'], 'token list'],
    [['list', '--name', 'x'], '--name'],
    [['show'], 'token list'],
    [[], 'token create'],
  ])('ends with one line that says what to do: token %j', async (args, says) => {
    await grant(file, 'acme');
    const before = await readFile(file, 'utf8');
    const { code, stdout, stderr } = await token(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^mcp-sessions: .+\n$/);
    expect(stderr).toContain(says);
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  it('leaves the file to those who could read it, but for the rest of the world', async () => {
    await grant(file, 'acme');
    await chmod(file, 0o644);
    expect((await token('create', '--namespace', 'acme')).code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
  });

  describe.skipIf(process.getuid?.() !== 0)('of another user (skipped: needs root)', () => {
    it('leaves the file to its user and group', async () => {
      const doomed = await grant(file, 'acme');
      await chown(file, 1234, 2345);
      expect((await token('create', '--namespace', 'acme')).code).toBe(0);
      expect(await stat(file)).toMatchObject({ uid: 1234, gid: 2345 });
      expect((await token('revoke', doomed.split('_')[1] as string)).code).toBe(0);
      expect(await stat(file)).toMatchObject({ uid: 1234, gid: 2345 });
    });

    it('changes nothing, and says so, where it cannot leave it to them', async () => {
      await grant(file, 'acme');
      await chmod(file, 0o644);
      const before = await readFile(file, 'utf8');
      // A folder where anybody may write, with a file of somebody else's.
      for (const folder of [servers.directory, dirname(file)]) await chmod(folder, 0o777);
      const command = servers.spawn({
        args: ['token', 'create', '--namespace', 'acme'],
        env: { AUTH_TOKENS_FILE: file },
        uid: 65_534,
      });
      expect((await command.exited).code).toBe(1);
      expect(command.stderr()).toMatch(/^mcp-sessions: .+belongs to user 0 .+as root\.\n$/);
      expect(await readFile(file, 'utf8')).toBe(before);
      expect(await readdir(dirname(file))).toEqual(['tokens.json']);
    });
  });

  it('says in one line that it cannot write there', async () => {
    await grant(file, 'acme');
    file = join(file, 'tokens.json');
    const { code, stdout, stderr } = await token('create', '--namespace', 'acme');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^mcp-sessions: .+tokens\.json cannot be changed .+\n$/);
  });

  it('changes nothing in a file that it does not understand', async () => {
    await grant(file, 'acme');
    await writeFile(file, '{"tokens": [{"id": "half');
    const { code, stderr } = await token('create', '--namespace', 'acme');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^mcp-sessions: .+is not JSON.+\n$/);
    expect(await readFile(file, 'utf8')).toBe('{"tokens": [{"id": "half');
  });
});

describe('a running server', () => {
  it('lets a new token in, and one that is revoked no more, within seconds', async () => {
    const first = await grant(file, 'acme');
    const server = await serve();
    expect(await status(server, first)).toBe(200);
    const second = await grant(file, 'acme');
    await expect.poll(() => status(server, second), { timeout: 3000 }).toBe(200);
    await revoke(file, first);
    await expect.poll(() => status(server, first), { timeout: 3000 }).toBe(401);
    expect(await status(server, second)).toBe(200);
  });

  it('lets nobody in while it cannot read the file, and whoever may once it can', async () => {
    const good = await grant(file, 'acme');
    const server = await serve();
    const kept = await readFile(file, 'utf8');
    for (const broken of ['', '{', '[]', '{"tokens":[{}]}', kept.replace('acme', ''), undefined]) {
      if (broken === undefined) await rm(file);
      else await writeFile(file, broken);
      await expect.poll(() => status(server, good), { timeout: 3000 }).toBe(503);
      expect(await status(server, `mcps_${'0'.repeat(12)}_${'A'.repeat(43)}`)).toBe(503);
    }
    expect(server.stderr()).toContain('tokens cannot be read');
    await writeFile(file, kept);
    await expect.poll(() => status(server, good), { timeout: 3000 }).toBe(200);
  });

  it('reads a file again that it could not read, even if nothing shows that it has changed', async () => {
    const good = await grant(file, 'acme');
    const server = await serve();
    const kept = `${await readFile(file, 'utf8')}\n`;
    // Not with a pause between the two: the server may look at any time.
    const write = (text: string) => {
      writeFileSync(file, text);
      utimesSync(file, 1, 1);
    };
    write('x'.repeat(kept.length));
    await expect.poll(() => status(server, good), { timeout: 3000 }).toBe(503);
    await delay(1100);
    expect(await status(server, good)).toBe(503);
    write(kept);
    await expect.poll(() => status(server, good), { timeout: 3000 }).toBe(200);
    expect(server.stderr().match(/tokens cannot be read/g)).toHaveLength(1);
  });

  it.each([
    ['is not there', undefined, /token create/],
    ['is broken', '{', /is not JSON/],
    ['holds something else', '{"tokens":[{"id":1}]}', /tokens\.0\.id/],
  ])('does not start with a file that %s', async (_what, content, says) => {
    file = join(servers.directory, `refused-${number++}.json`);
    if (content !== undefined) await writeFile(file, content);
    const args = ['--http', '--port=0'];
    const server = servers.spawn({ args, env: { AUTH_TOKENS_FILE: file } });
    expect((await server.exited).code).toBe(1);
    expect(server.stderr()).toMatch(/^mcp-sessions: .+\n$/);
    expect(server.stderr()).toMatch(says);
  });

  it('may be reached by others once they have to sign in, and asks on loopback, too', async () => {
    const good = await grant(file, 'acme');
    const server = await servers.spawnHttp({
      args: ['--host', '0.0.0.0'],
      env: { AUTH_TOKENS_FILE: file },
    });
    const { port } = new URL(server.url);
    const local = { url: `http://127.0.0.1:${port}` };
    expect(await status(local, good)).toBe(200);
    for (const [method, path] of [
      ['POST', '/mcp'],
      ['GET', '/mcp'],
      ['DELETE', '/mcp'],
      ['GET', '/sse'],
      ['POST', '/messages?sessionId=x'],
    ]) {
      const body = method === 'POST' ? { body: PING } : {};
      const answer = await send(local.url + path, {
        method: method as string,
        headers: JSON_HEADERS,
        ...body,
      });
      expect(answer.status, `${method} ${path}`).toBe(401);
    }
  });
});

describe('an open stream', () => {
  const LISTEN = JSON.stringify({
    ...{ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen' },
    params: { _meta: MODERN_META, notifications: { resourceSubscriptions: ['session://a'] } },
  });

  /** Opens a listen stream and says when it ends. */
  async function listen(url: string, text: string): Promise<{ ended: Promise<unknown> }> {
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };
    const headers = { ...JSON_HEADERS, ...modern, ...bearer(text) };
    const response = await fetch(`${url}/mcp`, { method: 'POST', headers, body: LISTEN });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toContain('acknowledged');
    const toEnd = async () => {
      for (let part = await reader.read(); !part.done; part = await reader.read());
    };
    return { ended: toEnd().catch(() => undefined) };
  }

  const late = () => delay(5000, 'still open', { ref: false });

  it('of either kind ends when its token is revoked, and no other does', async () => {
    const [doomed, good] = [await grant(file, 'acme'), await grant(file, 'acme')];
    const { url } = await serve();
    const ending = [await SseStream.open(url, bearer(doomed)), await listen(url, doomed)];
    const staying = [await SseStream.open(url, bearer(good)), await listen(url, good)];
    await revoke(file, doomed);
    const ended = Promise.all(ending.map((stream) => stream.ended));
    expect(await Promise.race([ended, late()])).not.toBe('still open');
    const others = Promise.race(staying.map((stream) => stream.ended));
    expect(await Promise.race([others, delay(1500, 'open')])).toBe('open');
  });

  it('of either kind ends when its token expires, be it static or a JWT', async () => {
    const issuer = await Issuer.open();
    const { url } = await serve({
      ...{ AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE },
      // Anything, so that the file is there to start with.
      AUTH_TOKENS_FILE: (await grant(file, 'acme')) && file,
    });
    const soon = Date.now() + 3000;
    const expires = { expires_at: new Date(soon).toISOString() };
    const fixed = await grant(file, 'acme', expires);
    // The server grants five seconds beyond what the token says, for clocks that differ.
    const jwt = await issuer.sign({ exp: Math.floor(soon / 1000) - 4 });
    await expect.poll(() => status({ url }, fixed), { timeout: 2000 }).toBe(200);
    const streams = [];
    for (const text of [fixed, jwt]) {
      streams.push(await SseStream.open(url, bearer(text)), await listen(url, text));
    }
    const ended = Promise.all(streams.map((stream) => stream.ended));
    expect(await Promise.race([ended, delay(8000, 'still open')])).not.toBe('still open');
    issuer.close();
  });

  it('ends when its token expires even if the file cannot be read, which ends no other', async () => {
    const good = await grant(file, 'acme');
    const expires_at = new Date(Date.now() + 4000).toISOString();
    const doomed = await grant(file, 'acme', { expires_at });
    const { url } = await serve();
    const [staying, ending] = [
      await SseStream.open(url, bearer(good)),
      await SseStream.open(url, bearer(doomed)),
    ];
    await rm(file);
    await expect.poll(() => status({ url }, good), { timeout: 3000 }).toBe(503);
    expect(await Promise.race([ending.ended, delay(8000, 'open')])).not.toBe('open');
    expect(await Promise.race([staying.ended, delay(100, 'open')])).toBe('open');
    staying.close();
  });

  it('takes messages from the credential that opened it, and is not there for others', async () => {
    const owner = await grant(file, 'acme', { user_id: 'ada' });
    const others = [
      await grant(file, 'acme', { user_id: 'ada' }),
      await grant(file, 'acme'),
      await grant(file, 'beta', { scopes: ['admin'] }),
    ];
    const { url } = await serve();
    const stream = await SseStream.open(url, bearer(owner));
    const missing = new URL(stream.endpoint);
    missing.searchParams.set('sessionId', '00000000-0000-4000-8000-000000000000');
    for (const other of others) {
      const theirs = await post(stream.endpoint.href, other);
      const nobodys = await post(missing.href, other);
      expect(theirs.status).toBe(404);
      expect(theirs.body).toBe(nobodys.body);
      const own = { date: '', 'x-request-id': '' };
      expect({ ...theirs.headers, ...own }).toEqual({ ...nobodys.headers, ...own });
    }
    expect((await post(stream.endpoint.href, owner)).status).toBe(202);
    expect(JSON.parse(await stream.next())).toMatchObject({ id: 1, result: {} });
    stream.close();
  });

  it('goes on with a renewed token of the same caller, but not with one that may do less', async () => {
    const issuer = await Issuer.open();
    await grant(file, 'acme');
    const { url } = await serve({ AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE });
    const first = await issuer.sign({ exp: Math.floor(Date.now() / 1000) - 2 });
    const stream = await SseStream.open(url, bearer(first));
    expect(
      (await post(stream.endpoint.href, await issuer.sign({ scope: 'sessions:read' }))).status,
    ).toBe(404);
    expect((await post(stream.endpoint.href, await issuer.sign({ sub: 'other' }))).status).toBe(
      404,
    );
    expect((await post(stream.endpoint.href, await issuer.sign())).status).toBe(202);
    // By now the first one has expired.
    expect(await Promise.race([stream.ended, delay(5000, 'open')])).toBe('open');
    stream.close();
    issuer.close();
  });
});
