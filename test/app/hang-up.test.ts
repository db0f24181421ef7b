import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { survivesHangUp } from '../../src/app/hang-up.ts';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'mcp-sessions-proc-'));
});
afterEach(() => rmSync(proc, { recursive: true }));

function write(path: string, text: string): void {
  const file = join(proc, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
}

/** Asks about a process whose parent is 7, on a system that has written the given about both. */
function survives(ignored?: string, flags?: string, env: Record<string, string> = {}): boolean {
  if (ignored !== undefined) {
    write('7/status', `Name:\tsh\nSigBlk:\t0000000000000001\nSigIgn:\t${ignored}\nSigCgt:\t1\n`);
  }
  if (flags !== undefined) write('self/fdinfo/0', `pos:\t0\nflags:\t${flags}\nmnt_id:\t1\n`);
  return survivesHangUp({ env, parent: 7, proc });
}

describe('a process', () => {
  it.each([
    ['its parent ignores hang-ups', '0000000000000001', '0100000'],
    ['its parent ignores them and other signals', '0000000001001007', '0100000'],
    ['its stdin cannot be read', '0000000000000000', '0100001'],
  ])('survives its terminal where %s', (_, ignored, flags) => {
    expect(survives(ignored, flags)).toBe(true);
  });

  it.each(['/usr/bin/nohup', 'nohup', '/bin/nohup'])(
    'survives it where it was called by %s',
    (name) => {
      expect(survives(undefined, undefined, { _: name })).toBe(true);
    },
  );

  it.each([
    ['0000000000000000', '0100000'],
    ['0000000001001004', '02100002'],
    ['8000000000000000', '02'],
    ['nonsense', 'nonsense'],
  ])('does not otherwise: %s, %s', (ignored, flags) => {
    expect(survives(ignored, flags, { _: '/usr/bin/node' })).toBe(false);
    expect(survives(ignored, flags, { _: '/opt/nohup/node' })).toBe(false);
  });

  it('does not where the system tells nothing', () => {
    expect(survives()).toBe(false);
  });
});
