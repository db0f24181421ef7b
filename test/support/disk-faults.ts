import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** System calls that fail on a session file, its log or its shared memory. */
export interface Fault {
  /** The names that strace has for it on different processors. */
  syscall: string;
  /** The name of the error in errno.h. */
  error: string;
  /** The first call that fails, from 1. strace counts the calls of each thread separately. */
  nth: number;
  /** Whether all later ones fail as well. */
  lasting?: boolean;
}

export const describeFault = ({ syscall, error, nth, lasting }: Fault) =>
  `${error} on ${syscall} ${nth}${lasting ? ' and all later' : ''}`;

/** A fault in a running process. */
export interface Injection {
  /** Lifts the fault, or waits until the process has ended. @returns the number of failed calls */
  lift(): Promise<number>;
  /** Resolves with the same once the process has ended by itself. */
  ended: Promise<number>;
}

/** @returns the reason if no fault can be injected on this machine */
export async function injectionProblem(): Promise<string | undefined> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
    const fault = { syscall: 'pread64', error: 'EIO', nth: 1 };
    await (await injectFault(child.pid as number, '/dev/null', fault)).lift();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    child.kill('SIGKILL');
  }
}

/**
 * Makes system calls of a process fail, as those of a failing disk do, until the fault is lifted.
 *
 * @param path the session file
 * @throws Error when there is no strace, or it may not trace the process
 */
export async function injectFault(pid: number, path: string, fault: Fault): Promise<Injection> {
  const child = spawn('strace', ['-p', String(pid), ...faultArguments(path, fault)]);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = once(child, 'close').then(() => output.split('(INJECTED)').length - 1);
  await attached(child, () => output);
  return {
    ended,
    lift() {
      child.kill('SIGINT');
      return ended;
    },
  };
}

/** A command that runs another one with a fault from its start. */
export const runWithFault = (path: string, fault: Fault): string[] => [
  ...['strace', '-D', '-qq', '-o', '/dev/null', ...faultArguments(path, fault)],
];

function faultArguments(path: string, { syscall, error, nth, lasting }: Fault): string[] {
  const calls = syscall.split(',').map((name) => `?${name}`);
  return [
    ...['-f', '-e', `trace=${calls}`],
    ...['-e', `inject=${calls}:error=${error}:when=${nth}${lasting ? '+' : ''}`],
    ...['', '-wal', '-shm'].flatMap((suffix) => ['-P', `${path}${suffix}`]),
  ];
}

/** Resolves once strace has said that it traces the process, with all of its threads. */
async function attached(child: ChildProcess, output: () => string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`strace: ${reason}`));
    child.on('error', ({ message }) => fail(message));
    child.on('close', () => fail(output().trim()));
    child.stderr?.on('data', () => {
      if (/Process \d+ attached/.test(output())) resolve();
    });
  });
}
