import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { post } from '../support/raw-http.ts';
import { Servers } from '../support/server-process.ts';

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

/** A shell that runs a command with the server's in its place. */
const shell = (name: string, script: string) => [name, '-c', script, name];

/** The server itself: the process, or the last of its children where a shell waits for it. */
function serverPid(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return child === undefined || child === '' ? pid : serverPid(Number(child));
}

describe.runIf(process.platform === 'linux')('SIGHUP', () => {
  it.each([
    ['nohup in bash', shell('bash', 'nohup "$@"; true')],
    ['a shell that ignores it', shell('sh', 'trap "" HUP; "$@"; true')],
    ['a script under nohup', shell('bash', 'nohup sh -c \'"$@"; true\' sh "$@"; true')],
  ])('is ignored under %s, however often it comes', async (_, under) => {
    const server = await servers.spawnHttp({ under, env: { LOG_LEVEL: 'info' } });
    const pid = serverPid(server.pid);
    for (let i = 0; i < 3; i++) {
      process.kill(pid, 'SIGHUP');
      expect((await post(server.url, 'list_sessions')).status).toBe(200);
    }
    process.kill(pid, 'SIGTERM');
    await server.exited;
    expect(server.stderr()).toMatch(/"reason":"SIGTERM"/);
  });

  it.each([
    ['by itself', []],
    ['by a shell', shell('sh', '"$@"; true')],
  ])('ends a server that was started %s, after its calls', async (_, under) => {
    const server = await servers.spawnHttp({ under, env: { LOG_LEVEL: 'info' } });
    process.kill(serverPid(server.pid), 'SIGHUP');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toMatch(/"reason":"SIGHUP"/);
  });
});
