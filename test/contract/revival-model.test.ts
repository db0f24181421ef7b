import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DomainError } from '../../src/domain/errors.ts';
import type { AddedMessage } from '../../src/services/append.ts';
import { purgeExpired } from '../../src/services/purge.ts';
import { SessionModel } from '../support/session-model.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const DAY = 86_400_000;
const KEPT = 7 * DAY;
const UUIDS = Array.from({ length: 4 }, () => randomUUID());

type Step =
  | { do: 'add'; uuids: (string | undefined)[] }
  | { do: 'delete' }
  | { do: 'restore' }
  | { do: 'purge' }
  | { do: 'summarize' }
  | { do: 'wait'; days: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .uniqueArray(fc.option(fc.constantFrom(...UUIDS), { nil: undefined }), {
        minLength: 1,
        maxLength: 3,
        selector: (uuid) => uuid ?? Symbol(),
      })
      .map((uuids) => ({ do: 'add' as const, uuids })),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom('delete', 'delete', 'restore', 'purge', 'summarize').map((name) => ({
      do: name as 'delete',
    })),
  },
  // A clock may be set back, too.
  {
    weight: 2,
    arbitrary: fc.constantFrom(3, 3, 7, -1).map((days) => ({ do: 'wait' as const, days })),
  },
);

/** A session after each step, compared with the simplest model of it: docs/architecture.md. */
describeStores('any sequence of calls', (under) => {
  let number = 0;

  async function check(at: Harness, caller: { namespace: string }, model: SessionModel) {
    const live = model.live();
    if (live === undefined) {
      const missing = { code: 'NOT_FOUND' };
      await expect(at.memory.get(caller, 's')).rejects.toMatchObject(missing);
      expect((await at.search.search(caller, { query: 'word' })).hits).toStrictEqual([]);
      return;
    }
    const { messages } = await at.memory.list(caller, 's', { order: 'asc', limit: 1000 });
    expect(messages.map(({ seq, content }) => [seq, content])).toStrictEqual(
      live.map(({ seq, content }) => [seq, content]),
    );
    for (const [i, { uuid }] of messages.entries()) model.see(live[i]?.seq as number, uuid);
    const memory = await at.memory.get(caller, 's', { last_n: 2 });
    expect(memory.session.message_count).toBe(live.length);
    expect(memory.summary?.content).toBe(model.summary());
    expect(memory.messages.at(-1)?.seq).toBe(live.at(-1)?.seq);
    for (const scope of [{}, { session_id: 's' }]) {
      const query = { query: 'word', limit: 100, neighbours: 1, ...scope };
      const { hits } = await at.search.search(caller, query);
      expect(hits.map(({ message }) => message.seq).sort((a, b) => a - b)).toStrictEqual(
        live.map(({ seq }) => seq),
      );
      for (const { message, before } of hits) {
        expect(before?.[0]?.seq ?? live[0]?.seq).toBe(
          before === undefined ? message.seq : message.seq - 1,
        );
      }
    }
    const { messages: bare } = await under.store.vectors.unembedded('m', undefined, 100_000);
    const own = bare.filter(({ namespace }) => namespace === caller.namespace);
    expect(own.map(({ place }) => place.seq).sort((a, b) => a - b)).toStrictEqual(
      live.map(({ seq }) => seq),
    );
    for (const uuid of UUIDS) {
      const found = await at.memory.getMessage(caller, 's', uuid).catch(notFound);
      expect(found?.seq).toBe(live.find((message) => message.uuid === uuid)?.seq);
    }
  }

  async function take(
    one: Step,
    at: Harness,
    caller: { namespace: string },
    model: SessionModel,
  ): Promise<void> {
    const now = at.clock.now;
    if (one.do === 'wait') at.clock.now += one.days * DAY;
    else if (one.do === 'purge') {
      const cutoff = new Date(now - KEPT).toISOString();
      await purgeExpired(under.store, { cutoff });
      model.purge(now - KEPT);
    } else if (one.do === 'delete') {
      const deletion = await at.sessions.delete(caller, 's').catch(notFound);
      const expected = model.delete(now);
      expect(deletion?.session.message_count).toBe(expected);
    } else if (one.do === 'restore') {
      const restored = await at.sessions.restore(caller, 's').catch(notFound);
      expect(restored?.messages).toBe(model.restore());
    } else if (one.do === 'summarize') {
      const up_to_seq = model.live()?.at(-1)?.seq;
      if (up_to_seq === undefined) return;
      const content = `summary ${randomUUID()}`;
      await at.memory.summarize(caller, 's', { content, up_to_seq });
      model.summarize(content, up_to_seq);
    } else if (one.do === 'add') {
      const messages = one.uuids.map((uuid): AddedMessage => {
        return { role: 'user', content: `word ${randomUUID()}`, uuid };
      });
      const added = await at.memory.add(caller, 's', messages);
      const expected = model.add(messages, added.messages, now - KEPT);
      expect(added.messages.map(({ seq, status }) => [seq, status])).toStrictEqual(expected.places);
      expect(added.session.message_count).toBe(model.live()?.length);
      const { revival } = added;
      expect(revival?.deleted_message_count).toBe(expected.retired);
      expect(revival?.purge_at && Date.parse(revival.purge_at)).toBe(
        expected.retiredAt && expected.retiredAt + KEPT,
      );
    }
  }

  it('comes to what is specified, in answers and in everything that can be read', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const caller = { namespace: `model-${number++}` };
      const at = harness(under.store);
      const model = new SessionModel();
      for (const one of steps) {
        await take(one, at, caller, model);
        await check(at, caller, model);
      }
      // What nobody can reach any more is gone from the store, too.
      at.clock.now += 400 * DAY;
      await at.sessions.delete(caller, 's').catch(notFound);
      at.clock.now += 400 * DAY;
      const cutoff = new Date(at.clock.now - DAY).toISOString();
      const { messages } = await purgeExpired(under.store, { cutoff });
      expect(messages).toBe(model.stored());
    });
    await fc.assert(property, { numRuns: 40 });
  }, 120_000);
});

function notFound(error: DomainError): undefined {
  expect(error).toMatchObject({ code: 'NOT_FOUND' });
}
