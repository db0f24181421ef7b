import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeFault, type Fault, injectionProblem } from '../support/disk-faults.ts';
import {
  assertKept,
  copyPrepared,
  type Diary,
  FaultedServer,
  forgetPages,
  prepareFile,
} from '../support/faulted-server.ts';
import { inLanes } from '../support/lanes.ts';
import { Servers } from '../support/server-process.ts';

const problem = await injectionProblem();
const without = problem === undefined ? '' : ` (skipped: ${problem})`;
if (problem !== undefined) process.stderr.write(`NO DISK FAULTS ARE TRIED: ${problem}\n`);

const ERRORS = ['EIO', 'ESTALE', 'EPERM'];
/** With `all`, each call fails with each error, and else with one of them, at random for each run. */
const everyError = process.env.DISK_FAULT_ROUNDS === 'all';
const firstError = Number(
  process.env.DISK_FAULT_FIRST ?? Math.floor(Math.random() * ERRORS.length),
);
const rounds = everyError ? 'DISK_FAULT_ROUNDS=all' : `DISK_FAULT_FIRST=${firstError}`;
const title = `with a failing disk, a server (${rounds})${without}`;
const LIMIT_MS = everyError ? 3_600_000 : 600_000;

/** Each of the first calls fails in a round of its own. */
const FIRST_CALLS: [syscall: string, count: number][] = [
  ['pread64', 60],
  ['pwrite64', 20],
  ['fsync,fdatasync', 6],
  ['ftruncate', 4],
  ['openat,open', 6],
  ['fstat,newfstatat,fstatat64,statx', 12],
  ['mmap', 2],
  ['unlink,unlinkat', 2],
];
const LASTING: [syscall: string, nth: number][] = [
  ['pread64', 1],
  ['pread64', 12],
  ['pread64', 40],
  ['pwrite64', 1],
  ['pwrite64', 6],
  ['pwrite64', 13],
  ['fsync,fdatasync', 1],
  ['fsync,fdatasync', 2],
  ['ftruncate', 1],
  ['openat,open', 1],
];

const single = FIRST_CALLS.flatMap(([syscall, count]) =>
  Array.from({ length: count }, (_, i): Omit<Fault, 'error'> => ({ syscall, nth: i + 1 })),
);
const lasting = LASTING.map(([syscall, nth]) => ({ syscall, nth, lasting: true }));
const FAULTS: Fault[] = [...single, ...lasting].flatMap((fault, i) =>
  (everyError ? ERRORS : [ERRORS[(firstError + i) % ERRORS.length] as string]).map((error) => ({
    ...fault,
    error,
  })),
);

/** A search starts a thread, which takes most of a round. */
const SEARCH_EVERY = 6;
/** How many faults one server lives through before it is killed. */
const FAULTS_PER_LIFE = 40;

describe.skipIf(problem !== undefined)(title, () => {
  let servers: Servers;
  let prepared: { file: string; diary: Diary };
  beforeAll(async () => {
    servers = await Servers.open();
    prepared = await prepareFile(servers);
  });
  afterAll(() => servers?.close());

  it(
    'loses nothing and says nothing wrong, at its start on a log and at its end',
    async () => {
      const counts = { rounds: 0, atStart: 0, atEnd: 0, failedCalls: 0 };
      const round = async (fault: Fault, number: number) => {
        const folder = join(servers.directory, `round ${number}`);
        const file = await copyPrepared(prepared.file, folder);
        const diary = prepared.diary.copy();
        const searching = number % SEARCH_EVERY === 0;
        const server = await FaultedServer.start(servers, file, diary);
        const injection = await server.inject(fault);
        await server.work(searching);
        counts.atStart += Math.sign(await injection.lift());
        counts.failedCalls += server.errors.length;
        await server.workWell(searching);
        counts.atEnd += Math.sign(await server.end(fault));
        await assertKept(file, diary);
        counts.rounds++;
        await rm(folder, { recursive: true });
      };
      await inLanes(FAULTS, (fault, number) => during(fault, () => round(fault, number)));
      process.stderr.write(`at start and end: ${JSON.stringify(counts)}\n`);
      expect(counts.atStart).toBeGreaterThan(counts.rounds / 2);
      expect(counts.atEnd).toBeGreaterThan(counts.rounds / 4);
    },
    LIMIT_MS,
  );

  it.each([
    { syscall: 'openat,open', error: 'EIO', nth: 1 },
    { syscall: 'pread64', error: 'EIO', nth: 1 },
    { syscall: 'pread64', error: 'ESTALE', nth: 1 },
    { syscall: 'newfstatat,statx,stat', error: 'EIO', nth: 1 },
  ])('starts while its file cannot be looked at: $error on $syscall', async (fault) => {
    const folder = join(servers.directory, `start ${fault.error} ${fault.syscall}`);
    const file = await copyPrepared(prepared.file, folder);
    const server = await FaultedServer.start(servers, file, prepared.diary.copy(), fault);
    await server.workWell(false);
    await server.kill();
  });

  it(
    'loses nothing and says nothing wrong, in use',
    async () => {
      const counts = { rounds: 0, inUse: 0, failedCalls: 0, kills: 0 };
      const lives = Array.from({ length: Math.ceil(FAULTS.length / FAULTS_PER_LIFE) }, (_, i) =>
        FAULTS.slice(i * FAULTS_PER_LIFE, (i + 1) * FAULTS_PER_LIFE),
      );
      await inLanes(lives, async (faults, number) => {
        const file = await copyPrepared(prepared.file, join(servers.directory, `life ${number}`));
        const diary = prepared.diary.copy();
        const server = await FaultedServer.start(servers, file, diary);
        await server.workWell(true);
        for (const fault of faults) {
          await during(fault, async () => {
            await forgetPages(file);
            const before = server.errors.length;
            const injection = await server.inject(fault);
            await server.work(true);
            counts.inUse += Math.sign(await injection.lift());
            counts.failedCalls += server.errors.length - before;
            await server.workWell(true);
            counts.rounds++;
          });
        }
        await server.kill();
        counts.kills++;
        await assertKept(file, diary);
      });
      process.stderr.write(`in use: ${JSON.stringify(counts)}\n`);
      expect(counts.inUse).toBeGreaterThan(counts.rounds / 2);
    },
    LIMIT_MS,
  );
});

/** Says in which round something went wrong. */
async function during(fault: Fault, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new Error(`with ${describeFault(fault)}: ${(error as Error).message}`, { cause: error });
  }
}
