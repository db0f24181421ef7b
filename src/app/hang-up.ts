import { readFileSync } from 'node:fs';

/** The bit of SIGHUP in the masks of signals in `/proc`. */
const SIGHUP_BIT = 1n;

/** How a process was started. */
export interface Start {
  env: Readonly<Record<string, string | undefined>>;
  /** The process that started this one. */
  parent: number;
  /** Where Linux shows its processes; other systems have no such folder. */
  proc?: string;
}

/**
 * Whether this process was started to survive the end of its terminal, as with `nohup`.
 *
 * A process inherits that SIGHUP is ignored, but Node resets it before any of our code runs. What is
 * left are traces: the parent ignores it, too; most shells tell a command in `_` how it was called;
 * and `nohup` replaces a terminal as stdin with a file that cannot be read.
 */
export function survivesHangUp({ env, parent, proc = '/proc' }: Start): boolean {
  return (
    /(^|\/)nohup$/.test(env._ ?? '') ||
    ignoresHangUp(`${proc}/${parent}/status`) ||
    isWriteOnly(`${proc}/self/fdinfo/0`)
  );
}

function ignoresHangUp(statusFile: string): boolean {
  const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(contentOf(statusFile)) ?? [];
  return mask !== undefined && (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n;
}

function isWriteOnly(fdinfoFile: string): boolean {
  const [, lastDigit] = /^flags:\s*[0-7]*([0-7])$/m.exec(contentOf(fdinfoFile)) ?? [];
  return lastDigit !== undefined && (Number(lastDigit) & 3) === 1;
}

/** The content of a file; empty if it cannot be read. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
