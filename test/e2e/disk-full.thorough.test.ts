import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { injectionProblem } from '../support/disk-faults.ts';
import { assertKept, Diary, FaultedServer } from '../support/faulted-server.ts';
import { Servers } from '../support/server-process.ts';

const DISK_IS_FULL = /^UNAVAILABLE: The disk that holds the session file is full/;

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

const injection = await injectionProblem();
const withoutStrace = injection === undefined ? '' : ` (skipped: ${injection})`;
if (injection !== undefined) process.stderr.write(`NO FULL DISK IS SIMULATED: ${injection}\n`);

describe.skipIf(injection !== undefined)(`when the disk says it is full${withoutStrace}`, () => {
  it('a call that writes says so, and the next ones work once there is room', async () => {
    const file = join(servers.directory, 'sessions.db');
    const diary = new Diary();
    const server = await FaultedServer.start(servers, file, diary);
    for (let i = 0; i < 5; i++) await server.workWell(i === 0);
    for (let nth = 1; nth <= 12; nth++) {
      const fault = { syscall: 'pwrite64', error: 'ENOSPC', nth, lasting: true };
      const { lift } = await server.inject(fault);
      await server.work(false);
      expect(await lift()).toBeGreaterThan(0);
      await server.workWell(false);
    }
    expect(server.errors.length).toBeGreaterThan(10);
    for (const text of server.errors) expect(text).toMatch(DISK_IS_FULL);
    await server.kill();
    await assertKept(file, diary);
  });
});

/** @returns why no disk of a few megabytes can be had here, if that is so */
function mountProblem(): string | undefined {
  if (process.platform !== 'linux') return 'there is no tmpfs';
  const folder = mkdtempSync(join(tmpdir(), 'mcp-sessions-mount-'));
  try {
    mount(folder);
    unmount(folder);
    return undefined;
  } catch (error) {
    return (error as Error).message.trim().split('\n').at(-1);
  } finally {
    rmdirSync(folder);
  }
}

const mount = (folder: string) =>
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'pipe' });
// Not at once: a server that is still to be ended has files open there.
const unmount = (folder: string) => execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' });

const BLOCK = Buffer.alloc(4096);

const noMount = mountProblem();
const withoutMount = noMount === undefined ? '' : ` (skipped: ${noMount})`;
if (noMount !== undefined) process.stderr.write(`NO SMALL DISK IS FILLED: ${noMount}\n`);

describe.skipIf(noMount !== undefined)(`on a disk that is full${withoutMount}`, () => {
  let disk: string;
  let file: string;
  beforeEach(async () => {
    disk = join(servers.directory, 'disk');
    file = join(disk, 'sessions.db');
    await mkdir(disk);
    mount(disk);
  });
  afterEach(() => unmount(disk));

  const filler = () => join(disk, 'filler');

  /** Takes all the room that is left, but for some bytes. */
  async function fill(left: number): Promise<void> {
    const file = await open(filler(), 'w');
    let size = 0;
    try {
      for (;;) size += (await file.write(BLOCK)).bytesWritten;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
    await file.truncate(Math.max(0, size - left));
    await file.close();
  }

  it.each([0, 4096, 20_000])('with %s bytes left, what is there can be read', async (left) => {
    const diary = new Diary();
    const server = await FaultedServer.start(servers, file, diary);
    for (let i = 0; i < 3; i++) await server.workWell(i === 0);
    await fill(left);
    const calls = 6;
    for (let i = 0; i < calls; i++) await server.work(true);
    expect(server.errors.length).toBeGreaterThan(calls / 2);
    for (const text of server.errors) expect(text).toMatch(DISK_IS_FULL);
    await rm(filler());
    await server.workWell(true);
    await server.kill();
    await assertKept(file, diary);
  });

  it('a server that starts says so, and works once there is room', async () => {
    const diary = new Diary();
    const first = await FaultedServer.start(servers, file, diary);
    for (let i = 0; i < 3; i++) await first.workWell(i === 0);
    await first.kill();
    await fill(0);
    const server = await FaultedServer.start(servers, file, diary);
    await server.work(true);
    expect(server.errors[0]).toMatch(DISK_IS_FULL);
    await rm(filler());
    await server.workWell(true);
    await server.kill();
    await assertKept(file, diary);
  });
});
