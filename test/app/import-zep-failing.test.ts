import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importAll } from '../../src/app/import/index.ts';
import { connect } from '../../src/app/import/old-server.ts';
import { createProgress } from '../../src/app/import/progress.ts';
import { Report } from '../../src/app/import/report.ts';
import { createTarget } from '../../src/app/import/target.ts';
import type { Store } from '../../src/store/port.ts';
import {
  type Misbehaviour,
  type OldZep,
  oldMessage,
  oldSession,
  startOldZep,
} from '../support/old-zep.ts';
import { createServices, SQLITE, type TestDatabase } from '../support/stores.ts';

const SESSIONS = 12;

let database: TestDatabase;
let store: Store;
let old: OldZep;
beforeEach(async () => {
  database = await SQLITE.create();
  store = await database.open();
});
afterEach(async () => {
  await store.close();
  await database.remove();
  await old.close();
});

/** Imports sessions of one message each, without long waits. */
async function importFrom(misbehave: Misbehaviour): Promise<Report> {
  const numbers = Array.from({ length: SESSIONS }, (_, i) => i);
  const sessions = numbers.map((i) => oldSession(i + 1, `s${i}`));
  const messages = Object.fromEntries(numbers.map((i) => [`s${i}`, [oldMessage(i)]]));
  old = await startOldZep({ sessions, messages }, misbehave);
  const { signal } = new AbortController();
  const limits = { attempts: 2, waitMs: 1 };
  const source = await connect(
    { url: old.url, apiKey: undefined, connections: 4, signal, limits },
    'v1',
  );
  const target = createTarget(createServices(store), { namespace: 'default' }, signal);
  const report = new Report();
  await importAll({ source, target, report, onStep: () => {} }, signal).finally(source.close);
  return report;
}

const failing = (isFailing: (path: string) => boolean): Misbehaviour => {
  return ({ path }, response) => {
    if (isFailing(path)) response.writeHead(500).end('broken');
    return isFailing(path);
  };
};

describe('an old server that fails', () => {
  it('at one session does not keep the others from arriving', async () => {
    const report = await importFrom(failing((path) => path.endsWith('/s3/messages')));
    expect(report.tallies.messages.imported).toBe(SESSIONS - 1);
    expect(report.leftOutCount).toBe(1);
    expect(report.text()).toMatch(
      /session "s3": \S+ answered 500: "broken"\. It was asked 2 times/,
    );
  });

  it('to be brief at one message loses that message only', async () => {
    const long = JSON.stringify('x'.repeat(9 * 1024 * 1024));
    const report = await importFrom(({ path, query }, response) => {
      // As if the first of two messages was very long.
      const page = Number(query.get('cursor'));
      const isLong = path.endsWith('/s3/messages') && page === 1;
      if (isLong) response.end(`{"messages":[{"content":${long}}],"total_count":2}`);
      else if (path.endsWith('/s3/messages')) query.set('cursor', String(page - 1));
      return isLong;
    });
    expect(report.tallies.sessions.imported).toBe(SESSIONS);
    expect(report.tallies.messages.imported).toBe(SESSIONS);
    expect(report.leftOutCount).toBe(1);
    expect(report.text()).toMatch(/message 1 of session "s3": the answer with it is too long/);
  });

  it('at one session after the other is given up', async () => {
    const importing = importFrom(failing((path) => path.endsWith('/messages')));
    await expect(importing).rejects.toThrow(/answered 500: "broken"/);
    expect(old.seen.some(({ path }) => path.includes('/s11/'))).toBe(false);
  });
});

describe('the progress of an import', () => {
  function progressOf(isTerminal: boolean) {
    const lines: string[] = [];
    const clock = { now: 0 };
    const report = new Report();
    const step = createProgress(
      report,
      (line) => lines.push(line),
      isTerminal,
      () => clock.now,
    );
    return { lines, clock, report, step };
  }

  it('is a line a second on a terminal', () => {
    const { lines, clock, report, step } = progressOf(true);
    for (let i = 1; i <= 100; i++) {
      clock.now += 50;
      report.imported('messages', 2);
      step('other');
    }
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe('0 users, 0 sessions, 40 messages so far\n');
  });

  it('is a line for every hundred sessions elsewhere', () => {
    const { lines, clock, report, step } = progressOf(false);
    for (let i = 1; i <= 250; i++) {
      clock.now += 5000;
      report.present('sessions');
      step('other');
      step('session');
    }
    expect(lines).toEqual([
      '0 users, 100 sessions, 0 messages so far\n',
      '0 users, 200 sessions, 0 messages so far\n',
    ]);
  });
});
