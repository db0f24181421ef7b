import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/metadata.ts';
import { TOOL_ANSWER } from '../../src/mcp/answer/answer-shape.ts';
import { FairQueue } from '../../src/services/fair-queue.ts';
import { createSessionService } from '../../src/services/sessions.ts';
import { type Harness, harness, worded } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const DAY = 86_400_000;
const T0 = '2100-01-01T00:00:00.000Z';

/** What each operation does in each state: docs/architecture.md. */
describeStores('sessions', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `namespace-${number++}` };
    at = harness(under.store);
  });

  const add = (session_id: string, metadata: JsonObject = {}) =>
    at.sessions.add(caller, { session_id, metadata });
  const fails = (code: string, ...words: string[]) => ({
    code,
    message: expect.stringMatching(new RegExp(words.map((word) => `(?=[^]*${word})`).join(''))),
  });

  async function addDeleted(session_id: string) {
    await add(session_id, { kept: true });
    at.clock.now += 1000;
    return at.sessions.delete(caller, session_id);
  }

  describe('that never existed', () => {
    it('are created with the times of the call and an identifier of the server', async () => {
      const session = await add('s', { title: 'x' });
      expect(session).toStrictEqual({
        session_id: 's',
        uuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/),
        metadata: { title: 'x' },
        created_at: T0,
        updated_at: T0,
        message_count: 0,
      });
      expect(await at.sessions.get(caller, 's')).toStrictEqual(session);
    });

    it('are NOT_FOUND to everything but add_session', async () => {
      const missing = fails('NOT_FOUND', 'add_session', '"nobody"');
      await expect(at.sessions.get(caller, 'nobody')).rejects.toMatchObject(missing);
      await expect(at.sessions.updateMetadata(caller, 'nobody', {})).rejects.toMatchObject(missing);
      await expect(at.sessions.delete(caller, 'nobody')).rejects.toMatchObject(missing);
      await expect(at.sessions.restore(caller, 'nobody')).rejects.toMatchObject(missing);
    });

    it('are refused for a user that does not exist, and name add_user', async () => {
      const orphan = at.sessions.add(caller, { session_id: 's', user_id: 'u' });
      await expect(orphan).rejects.toMatchObject(fails('NOT_FOUND', 'add_user', '"u"'));
      await expect(at.sessions.get(caller, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('belong to the user they name', async () => {
      await addUser('u');
      await at.sessions.add(caller, { session_id: 's', user_id: 'u' });
      expect(await at.sessions.get(caller, 's')).toMatchObject({ user_id: 'u' });
    });
  });

  describe('that are live', () => {
    it('are not added twice, and stay as they are', async () => {
      const first = await add('s', { n: 1 });
      await expect(add('s', { n: 2 })).rejects.toMatchObject(
        fails('ALREADY_EXISTS', 'update_session_metadata'),
      );
      expect(await at.sessions.get(caller, 's')).toStrictEqual(first);
    });

    it('are added once when many callers add the same one at once', async () => {
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => add('s')));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') {
          expect(outcome.reason).toMatchObject({ code: 'ALREADY_EXISTS' });
        }
      }
    });

    it('merge metadata and move updated_at', async () => {
      await add('s', { a: { b: 1, c: 2 }, list: [1, 2] });
      at.clock.now += 5;
      const session = await at.sessions.updateMetadata(caller, 's', {
        a: { b: null, d: { e: 3 } },
        list: [3],
      });
      expect(session.metadata).toStrictEqual({ a: { c: 2, d: { e: 3 } }, list: [3] });
      expect(session.updated_at).toBe('2100-01-01T00:00:00.005Z');
      expect(session.created_at).toBe(T0);
    });

    it('are soft-deleted with one time, and say when they are purged', async () => {
      const { session, purge_at } = await addDeleted('s');
      expect(session.deleted_at).toBe('2100-01-01T00:00:01.000Z');
      expect(purge_at).toBe('2100-01-08T00:00:01.000Z');
    });

    it('are unchanged by a restore', async () => {
      const session = await add('s');
      expect(await at.sessions.restore(caller, 's')).toStrictEqual({ session, messages: 0 });
    });
  });

  describe('that are soft-deleted', () => {
    const until = '2100-01-08T00:00:01.000Z';

    it('cannot be read or changed, and say until when they can be restored', async () => {
      await addDeleted('s');
      const deleted = fails('NOT_FOUND', 'restore_session', 'add_memory', until);
      await expect(at.sessions.get(caller, 's')).rejects.toMatchObject(deleted);
      await expect(at.sessions.updateMetadata(caller, 's', { a: 1 })).rejects.toMatchObject(
        deleted,
      );
      expect((await at.sessions.restore(caller, 's')).session.metadata).toStrictEqual({
        kept: true,
      });
    });

    it('cannot be added, and say how to bring them back', async () => {
      await addDeleted('s');
      await expect(add('s')).rejects.toMatchObject(
        fails('ALREADY_EXISTS', 'restore_session', 'add_memory', until),
      );
    });

    it('answer another delete with the same deletion', async () => {
      const first = await addDeleted('s');
      at.clock.now += DAY;
      expect(await at.sessions.delete(caller, 's')).toStrictEqual(first);
    });

    it('come back as they were', async () => {
      await addDeleted('s');
      at.clock.now += DAY;
      const { session: restored, messages } = await at.sessions.restore(caller, 's');
      expect(messages).toBe(0);
      expect(restored).toStrictEqual(await at.sessions.get(caller, 's'));
      expect(restored).toMatchObject({ metadata: { kept: true }, updated_at: T0 });
      expect(restored).not.toHaveProperty('deleted_at');
    });

    it('are kept without end when nothing is purged', async () => {
      const service = createSessionService({
        store: async () => under.store,
        now: () => at.clock.now,
        newUuid: randomUUID,
        purgeAfter: undefined,
        longReads: new FairQueue(),
        onChange: () => {},
        answer: TOOL_ANSWER,
      });
      const keeping = worded(service);
      await add('s');
      expect((await keeping.delete(caller, 's')).purge_at).toBeUndefined();
      await expect(keeping.get(caller, 's')).rejects.toMatchObject(
        fails('NOT_FOUND', 'kept until it is restored'),
      );
    });
  });

  describe('in another namespace', () => {
    it('do not exist', async () => {
      await add('s');
      const stranger = { namespace: `${caller.namespace}-other` };
      await expect(at.sessions.get(stranger, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(at.sessions.delete(stranger, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await at.sessions.add(stranger, { session_id: 's', metadata: { theirs: true } });
      expect((await at.sessions.get(caller, 's')).metadata).toStrictEqual({});
    });
  });

  describe('identifiers', () => {
    const awkward = [
      ' ',
      'a/b/../c',
      '$where',
      'a.b.c',
      '__proto__',
      'Ünïcødé',
      'e\u0301',
      '\u00e9',
      '👩‍👩‍👧',
      "'; DROP TABLE sessions; --",
      '{"$gt":""}',
      '%00%2F',
      '\n\t\\',
      'x'.repeat(1024),
    ];

    it.each(awkward)('are kept byte for byte: %j', async (session_id) => {
      const session = await add(session_id);
      expect(session.session_id).toBe(session_id);
      expect((await at.sessions.get(caller, session_id)).uuid).toBe(session.uuid);
      expect(await at.sessions.complete(caller, session_id, 5)).toStrictEqual([session_id]);
    });

    it('differ when their case or their trailing space differs', async () => {
      for (const id of ['abc', 'ABC', 'abc ']) await add(id);
      expect((await at.sessions.list(caller, NEWEST)).records).toHaveLength(3);
    });

    it('are completed by prefix, live ones only, in order', async () => {
      for (const id of ['a%', 'ab', 'aa', 'b', 'a_']) await add(id);
      await at.sessions.delete(caller, 'aa');
      expect(await at.sessions.complete(caller, 'a', 10)).toStrictEqual(['a%', 'a_', 'ab']);
      expect(await at.sessions.complete(caller, '', 2)).toStrictEqual(['a%', 'a_']);
    });
  });

  const NEWEST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;

  async function addUser(user_id: string) {
    await under.store.users.insert(caller.namespace, {
      user_id,
      uuid: `user-${caller.namespace}-${user_id}`,
      metadata: {},
      created_at: T0,
      updated_at: T0,
    });
  }
});
