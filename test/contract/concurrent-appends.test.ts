import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Message } from '../../src/domain/records.ts';
import type { AddResult } from '../../src/services/append.ts';
import type { Store } from '../../src/store/port.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

/** As many as there are agents in the crowd, spread over stores as over processes. */
const CALLERS = 16;
const STORES = 4;
const CALLS = 8;

/** Concurrent appends to one session: docs/architecture.md. */
describeStores('concurrent appends', (under) => {
  const others: Store[] = [];
  let callers: Harness[];
  let number = 0;
  let caller: { namespace: string };

  beforeAll(async () => {
    for (let i = 1; i < STORES; i++) others.push(await under.database.open());
  });
  afterAll(() => Promise.all(others.map((store) => store.close())));
  beforeEach(() => {
    caller = { namespace: `concurrent-${number++}` };
    const stores = [under.store, ...others];
    callers = Array.from({ length: CALLERS }, (_, i) =>
      harness(stores[i % STORES] as (typeof stores)[0]),
    );
  });

  const first = () => callers[0] as Harness;

  /** All messages of a session, whose order has no gap and whose counts agree with it. */
  async function readConsistent(session: string, from = 1): Promise<Message[]> {
    const all: Message[] = [];
    let cursor: string | undefined;
    do {
      const query = { order: 'asc', limit: 1000, cursor } as const;
      const page = await first().memory.list(caller, session, query);
      all.push(...page.messages);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => from + i));
    expect(new Set(all.map(({ uuid }) => uuid)).size).toBe(all.length);
    expect(await first().sessions.get(caller, session)).toMatchObject({
      message_count: all.length,
    });
    return all;
  }

  const say = (at: Harness, contents: string[], uuids?: string[]) =>
    at.memory.add(
      caller,
      's',
      contents.map((content, i) => ({ role: 'user', content, uuid: uuids?.[i] })),
    );

  it('puts the messages of 16 callers into one order without gaps, and answers with it', async () => {
    const answers = new Map<string, AddResult['messages'][number]>();
    const work = callers.map(async (at, who) => {
      for (let call = 0; call < CALLS; call++) {
        const contents = [`${who}.${call}.0`, `${who}.${call}.1`, `${who}.${call}.2`];
        const uuids = call % 2 === 0 ? undefined : contents.map(() => randomUUID());
        const { messages } = await say(at, contents, uuids);
        contents.forEach((content, i) => {
          answers.set(content, messages[i] as (typeof messages)[0]);
        });
      }
    });
    await together(work);
    const kept = await readConsistent('s');
    expect(kept).toHaveLength(CALLERS * CALLS * 3);
    for (const { content, uuid, seq } of kept) {
      expect(answers.get(content)).toEqual({ uuid, seq, status: 'created' });
    }
    // What a caller said keeps its order, within a call and from one call to the next.
    for (let who = 0; who < CALLERS; who++) {
      const own = kept.filter(({ content }) => content.startsWith(`${who}.`));
      expect(own.map(({ content }) => content)).toEqual(own.map(({ content }) => content).sort());
    }
  });

  it('makes one message of the same uuids from all callers at once', async () => {
    const contents = Array.from({ length: 10 }, (_, i) => `m${i}`);
    const uuids = contents.map(() => randomUUID());
    const answers = await together(callers.map((at) => say(at, contents, uuids)));
    const kept = await readConsistent('s');
    expect(kept.map(({ uuid }) => uuid)).toEqual(uuids);
    const created = answers.flatMap(({ messages }) =>
      messages.filter(({ status }) => status === 'created'),
    );
    expect(created.map(({ uuid }) => uuid).sort()).toEqual(uuids.toSorted());
    for (const { messages } of answers) {
      expect(messages.map(({ seq }) => seq)).toEqual(kept.map(({ seq }) => seq));
    }
  });

  it('makes one message of a uuid when retries overtake each other among other appends', async () => {
    const uuids = Array.from({ length: CALLERS }, () => randomUUID());
    const retried = uuids.map((uuid, who) =>
      // The retry comes by another process while the first attempt may still be under way.
      together([0, 1, 2].map((i) => say(callerAt(who + i), [`${who}`], [uuid]))),
    );
    const among = callers.map((at, who) => say(at, [`other ${who}`]));
    const [answers] = await together([together(retried), together(among)] as const);
    const kept = await readConsistent('s');
    expect(kept).toHaveLength(2 * CALLERS);
    answers.forEach((attempts, who) => {
      const found = kept.find(({ uuid }) => uuid === uuids[who]);
      expect(found?.content).toBe(`${who}`);
      expect(attempts.map(({ messages }) => messages[0]?.seq)).toEqual(
        attempts.map(() => found?.seq),
      );
    });
  });

  it('brings a deleted session back with only what was appended after its deletion', async () => {
    for (let round = 0; round < 6; round++) {
      caller = { namespace: `${caller.namespace}+` };
      await say(first(), ['old 1', 'old 2']);
      await first().sessions.delete(caller, 's');
      const answers = await together(callers.map((at, who) => say(at, [`a${who}`, `b${who}`])));
      const kept = await readConsistent('s', 3);
      expect(kept.map(({ content }) => content).sort()).toEqual(
        callers.flatMap((_, who) => [`a${who}`, `b${who}`]).sort(),
      );
      expect(answers.flatMap(({ messages }) => messages.map(({ uuid }) => uuid)).sort()).toEqual(
        kept.map(({ uuid }) => uuid).sort(),
      );
    }
  });

  it('lets an append and a deletion come in one order or the other, never in half', async () => {
    for (let round = 0; round < 15; round++) {
      caller = { namespace: `${caller.namespace}+` };
      await say(first(), ['old']);
      await together([
        callerAt(1).sessions.delete(caller, 's'),
        say(callerAt(2), ['new 1', 'new 2', 'new 3']),
      ]);
      const found = await first().sessions.get(caller, 's').catch(notFound);
      if (found === undefined) {
        // Appended, then deleted: all of it comes back together.
        await first().sessions.restore(caller, 's');
        expect(await contents(1)).toEqual(['old', 'new 1', 'new 2', 'new 3']);
      } else {
        expect(await contents(2)).toEqual(['new 1', 'new 2', 'new 3']);
      }
    }
  });

  it('lets an append and a restoration come in one order or the other, never in half', async () => {
    for (let round = 0; round < 15; round++) {
      caller = { namespace: `${caller.namespace}+` };
      await say(first(), ['old']);
      await first().sessions.delete(caller, 's');
      await together([
        callerAt(1).sessions.restore(caller, 's'),
        say(callerAt(2), ['new 1', 'new 2']),
      ]);
      const kept = await first().memory.list(caller, 's', { order: 'asc', limit: 10 });
      const restored = kept.messages[0]?.content === 'old';
      expect(await contents(restored ? 1 : 2)).toEqual([
        ...(restored ? ['old'] : []),
        ...['new 1', 'new 2'],
      ]);
    }
  });

  it('keeps order and counts while everybody appends, deletes and restores', async () => {
    const last = new Map<string, number>();
    const work = callers.map(async (at, who) => {
      for (let call = 0; call < CALLS; call++) {
        if ((who + call) % 5 === 3) await at.sessions.delete(caller, 's').catch(notFound);
        else if ((who + call) % 5 === 4) await at.sessions.restore(caller, 's').catch(notFound);
        else {
          const { messages } = await say(at, [`${who}.${call}`], [randomUUID()]);
          last.set(messages[0]?.uuid as string, messages[0]?.seq as number);
        }
      }
    });
    await together(work);
    await first().sessions.restore(caller, 's');
    const page = await first().memory.list(caller, 's', { order: 'asc', limit: 1 });
    for (const { uuid, seq } of await readConsistent('s', page.messages[0]?.seq)) {
      expect(last.get(uuid)).toBe(seq);
    }
    // One place in the order is never given twice, whichever deletion its message went with.
    expect(new Set(last.values()).size).toBe(last.size);
  });

  const callerAt = (i: number) => callers[i % CALLERS] as Harness;
  const contents = async (from: number) =>
    (await readConsistent('s', from)).map(({ content }) => content);
});

function notFound(error: { code?: unknown }): undefined {
  expect(error).toMatchObject({ code: 'NOT_FOUND' });
}

/** Like `Promise.all`, but never leaves anybody at work behind: they would get into the next test. */
async function together<T extends readonly unknown[]>(
  work: T,
): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
