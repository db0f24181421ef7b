import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { DomainError } from '../../../../src/domain/errors.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import { openProxy } from './mongodb-proxy.ts';

const caller = { namespace: 'n' };
const PROCESSES = 3;
const CALLERS = 6;
const DURATION_MS = 8000;

interface Stored {
  session_uuid: string;
  seq: number;
  content: string;
}

interface SessionEnd {
  _id: string;
  first_seq: number;
  last_seq: number;
}

/**
 * What becomes of a command: not begun, done and not answered well, or late. None of it says that the
 * server goes away: a client would not ask it anything for the next ten seconds.
 */
const FAILURES = [
  { errorCode: 262 },
  { closeConnection: true },
  { writeConcernError: { code: 262, errmsg: 'exceeded its time' } },
  { writeConcernError: { code: 100, errmsg: 'not enough members' } },
  { blockConnection: true, blockTimeMS: 40 },
];

const random = (below: number) => Math.floor(Math.random() * below);

/** Several processes append to one session, through a server that fails every other command. */
describe.skipIf(replicaSet === null)(`appends that go wrong half way${skipReason}`, () => {
  const proxies: { close(): void }[] = [];
  afterAll(async () => {
    await closeObserved();
    for (const proxy of proxies) proxy.close();
  });

  it.each([
    ['a session that stays', false, false],
    ['a session that is deleted, restored and revived meanwhile', true, false],
    ['a session that stays, without bulkWrite', false, true],
    ['a session that is deleted, restored and revived, without bulkWrite', true, true],
  ])('lose, double and misplace nothing that was answered, in %s', async (...about) => {
    const [, deletes, hidesBulkWrite] = about;
    const proxy = await openProxy(replicaSet as string, { hidesBulkWrite });
    proxies.push(proxy);
    const at = openObserved(replicaSet, { purgeAfter: undefined });
    const processes = Array.from({ length: PROCESSES }, () => {
      const appName = `process-${randomUUID()}`;
      const options = { database: at.db.databaseName, purgeAfter: undefined };
      return { appName, at: openObserved(proxy.uri, { ...options, client: { appName } }) };
    });
    const fail = (mode: unknown, data: object) =>
      at.client.db('admin').command({ configureFailPoint: 'failCommand', mode, data });
    const failCommands = ['bulkWrite', ...(hidesBulkWrite ? ['insert', 'update'] : [])];
    const end = Date.now() + DURATION_MS;
    const answered: { content: string; seq: number }[] = [];
    const tried: string[][] = [];

    async function append(by: Observed): Promise<void> {
      const contents = Array.from({ length: 1 + random(4) }, () => randomUUID());
      tried.push(contents);
      const given = random(2) === 0;
      const messages = contents.map((content) => ({
        ...{ role: 'user', content },
        uuid: given ? randomUUID() : undefined,
      }));
      for (let attempt = 1; attempt <= (given ? 5 : 1); attempt++) {
        const through = attempt === 1 ? by : (processes[random(PROCESSES)]?.at as Observed);
        try {
          const added = await through.memory.add(caller, 's', messages);
          for (const [i, { seq }] of added.messages.entries()) {
            answered.push({ content: contents[i] as string, seq });
          }
          return;
        } catch (error) {
          if (!(error instanceof DomainError) || error.code !== 'UNAVAILABLE') throw error;
        }
      }
    }

    async function appendAll(by: Observed): Promise<void> {
      while (Date.now() < end) {
        await append(by);
        await delay(random(10));
      }
    }

    async function disturb(): Promise<void> {
      while (Date.now() < end) {
        const { appName } = processes[random(PROCESSES)] as { appName: string };
        const failure = FAILURES[random(FAILURES.length)];
        await fail({ times: 1 + random(3) }, { failCommands, appName, ...failure });
        await delay(random(30));
      }
    }

    async function interfere(): Promise<void> {
      while (Date.now() < end) {
        await delay(30 + random(60));
        const { messages } = await at.memory.get(caller, 's').catch((error: unknown) => {
          if ((error as DomainError).code !== 'NOT_FOUND') throw error;
          return { messages: [] };
        });
        const seqs = messages.map(({ seq }) => seq);
        expect(seqs).toStrictEqual(seqs.map((_, i) => (seqs[0] as number) + i));
        const last = seqs.at(-1);
        if (last !== undefined && random(3) === 0) {
          await at.memory
            .summarize(caller, 's', { content: 'x', up_to_seq: last })
            .catch(() => undefined);
        }
        if (!deletes) continue;
        await at.sessions.delete(caller, 's').catch(() => undefined);
        await delay(random(15));
        if (random(2) === 0) await at.sessions.restore(caller, 's').catch(() => undefined);
      }
    }

    await at.memory.add(caller, 's', [{ role: 'user', content: 'first' }]);
    const appenders = Array.from({ length: CALLERS }, (_, i) => processes[i % PROCESSES]?.at);
    const work = () =>
      Promise.all([disturb(), interfere(), ...appenders.map((by) => appendAll(by as Observed))]);
    const one = appenders[0] as Observed;
    expect(await one.sent(work)).toContain(hidesBulkWrite ? 'insert' : 'bulkWrite');
    await fail('off', {});
    // Also takes away what the last commands may have left.
    await at.memory.add(caller, 's', [{ role: 'user', content: 'last' }]);

    const session = await at.db.collection('mcp_sessions_sessions').findOne({ session_id: 's' });
    const { _id, first_seq, last_seq } = session as unknown as SessionEnd;
    const all = await at.db
      .collection('mcp_sessions_messages')
      .find<Stored>({ session_id: 's' })
      .toArray();
    expect(new Set(all.map(({ session_uuid }) => session_uuid))).toStrictEqual(new Set([_id]));
    const live = all.filter(({ seq }) => seq >= first_seq);
    expect(live.map(({ seq }) => seq).sort((a, b) => a - b)).toStrictEqual(
      Array.from({ length: last_seq - first_seq + 1 }, (_, i) => first_seq + i),
    );
    const seqsOf = new Map<string, number[]>();
    for (const { content, seq } of all) seqsOf.set(content, [...(seqsOf.get(content) ?? []), seq]);
    for (const { content, seq } of answered) expect(seqsOf.get(content)).toContain(seq);
    if (deletes) return;
    for (const { content } of answered) expect(seqsOf.get(content)).toHaveLength(1);
    for (const contents of tried) {
      const counts = new Set(contents.map((content) => seqsOf.get(content)?.length ?? 0));
      expect([[0], [1]]).toContainEqual([...counts]);
    }
    expect(answered.length).toBeGreaterThan(100);
  });
});
