import { describe, expect, it } from 'vitest';
import { isPastUndoDeadline, purgeCutoff, undoDeadline } from '../../src/services/undo-deadline.ts';
import { createServices } from '../support/stores.ts';
import { describeServices } from './describe-services.ts';

const DAY = 86_400_000;
const DELETED_AT = '2100-01-01T00:00:00.000Z';
const PURGE_AT = '2100-01-08T00:00:00.000Z';
const hello = [{ role: 'user', content: 'hello' }];

const factOf = (work: () => Promise<unknown>) =>
  work().then(
    () => undefined,
    (error: { fact?: unknown }) => error.fact,
  );

describe('the undo deadline', () => {
  it('is as far behind the deletion as records are kept', () => {
    expect(undoDeadline(DELETED_AT, 7 * DAY)).toBe(PURGE_AT);
    expect(undoDeadline(DELETED_AT, undefined)).toBeUndefined();
  });

  it('is over at its time, and a millisecond before it is not', () => {
    const record = { deleted_at: DELETED_AT };
    const at = Date.parse(PURGE_AT);
    const isPast = (now: number, purgeAfter?: number) =>
      isPastUndoDeadline({ now: () => now, purgeAfter }, record);
    expect(isPast(at, 7 * DAY)).toBe(true);
    expect(isPast(at - 1, 7 * DAY)).toBe(false);
    expect(isPast(at + 1000 * DAY)).toBe(false);
    expect(isPastUndoDeadline({ now: () => at, purgeAfter: 0 }, {})).toBe(false);
  });

  it('has a cutoff on the other side of the same duration', () => {
    expect(purgeCutoff(Date.parse(PURGE_AT), 7 * DAY)).toBe(DELETED_AT);
    expect(purgeCutoff(Date.parse(PURGE_AT), undefined)).toBeUndefined();
  });
});

describeServices('until the undo deadline', (at) => {
  it('each answer of a deletion names it, and a repetition names the same', async () => {
    const { caller, sessions, users, clock } = at;
    await users.add(caller, { user_id: 'u' });
    await sessions.add(caller, { session_id: 's' });
    for (const _ of ['first', 'repeated']) {
      expect(await sessions.delete(caller, 's')).toMatchObject({ purge_at: PURGE_AT });
      expect(await users.delete(caller, 'u')).toMatchObject({ purge_at: PURGE_AT });
      clock.now += DAY;
    }
    expect(await users.restore(caller, 'u')).toMatchObject({ purge_at: undefined });
  });

  it('a revival names the deadline of the oldest messages that it leaves deleted', async () => {
    const { caller, memory, sessions, clock } = at;
    await memory.add(caller, 's', [...hello, ...hello]);
    await sessions.delete(caller, 's');
    clock.now += DAY;
    const first = await memory.add(caller, 's', hello);
    expect(first.revival).toStrictEqual({ deleted_message_count: 2, purge_at: PURGE_AT });
    await sessions.delete(caller, 's');
    clock.now += 7 * DAY - 1 - DAY;
    const second = await memory.add(caller, 's', hello);
    expect(second.revival).toStrictEqual({ deleted_message_count: 3, purge_at: PURGE_AT });
    await sessions.delete(caller, 's');
    clock.now += 1;
    // Those of the first deletion are past their deadline.
    const third = await memory.add(caller, 's', hello);
    expect(third.revival).toMatchObject({
      deleted_message_count: 2,
      purge_at: '2100-01-09T00:00:00.000Z',
    });
  });

  it('what is refused says that the record is deleted, and from then on that there is none', async () => {
    const { caller, sessions, users, memory, clock } = at;
    await users.add(caller, { user_id: 'u' });
    await sessions.add(caller, { session_id: 's' });
    await sessions.delete(caller, 's');
    await users.delete(caller, 'u');
    const refused = [
      () => sessions.get(caller, 's'),
      () => sessions.updateMetadata(caller, 's', {}),
      () => memory.get(caller, 's'),
      () => memory.list(caller, 's', { order: 'asc' }),
      () => at.search.search(caller, { query: 'x', session_id: 's' }),
      () => users.get(caller, 'u'),
      () => users.update(caller, 'u', {}),
      () => sessions.add(caller, { session_id: 'of u', user_id: 'u' }),
      () => at.search.search(caller, { query: 'x', user_id: 'u' }),
    ];
    const facts = () => Promise.all(refused.map((work) => factOf(work)));
    clock.now = Date.parse(PURGE_AT) - 1;
    const deletion = { deleted_at: DELETED_AT, purge_at: PURGE_AT };
    for (const fact of await facts()) expect(fact).toMatchObject({ deletion });
    clock.now += 1;
    for (const fact of await facts()) {
      expect(fact).toMatchObject({ kind: expect.stringMatching(/_not_found$/) });
      expect(fact).toHaveProperty('deletion', undefined);
    }
  });

  it('a record keeps its identifier, which is free from then on', async () => {
    const { caller, sessions, users, memory, clock } = at;
    const old = await users.add(caller, { user_id: 'u', email: 'u@example.org' });
    await memory.add(caller, 'by add_session', hello);
    await memory.add(caller, 'by add_memory', hello);
    for (const id of ['by add_session', 'by add_memory']) await sessions.delete(caller, id);
    await users.delete(caller, 'u');
    clock.now = Date.parse(PURGE_AT) - 1;
    const taken = [
      () => sessions.add(caller, { session_id: 'by add_session' }),
      () => users.add(caller, { user_id: 'u' }),
    ];
    expect(await Promise.all(taken.map(factOf))).toMatchObject([
      { kind: 'session_exists' },
      { kind: 'user_exists' },
    ]);
    clock.now += 1;
    const session = await sessions.add(caller, { session_id: 'by add_session' });
    expect(session).toMatchObject({ message_count: 0, created_at: PURGE_AT });
    const added = await memory.add(caller, 'by add_memory', hello);
    expect(added.session).toMatchObject({ message_count: 1 });
    expect(added.revival).toStrictEqual({ deleted_message_count: 0 });
    const user = await users.add(caller, { user_id: 'u' });
    expect(user).not.toHaveProperty('email');
    expect(user.uuid).not.toBe(old.uuid);
    // The messages of the old session were purged with it.
    expect(await sessions.restore(caller, 'by add_session')).toMatchObject({ messages: 0 });
  });

  it('deleted records are kept; without a deadline, for ever', async () => {
    const { caller, store } = at;
    const forEver = createServices(store, 'off');
    const { sessions, users, memory, clock } = forEver;
    await users.add(caller, { user_id: 'u' });
    await memory.add(caller, 's', hello);
    expect(await sessions.delete(caller, 's')).toMatchObject({ purge_at: undefined });
    expect(await users.delete(caller, 'u')).toMatchObject({ purge_at: undefined });
    clock.now += 36_500 * DAY;
    const deletion = { deleted_at: DELETED_AT, purge_at: undefined };
    for (const [work, kind] of [
      [() => sessions.get(caller, 's'), 'session_not_found'],
      [() => sessions.add(caller, { session_id: 's' }), 'session_exists'],
      [() => users.get(caller, 'u'), 'user_not_found'],
      [() => users.add(caller, { user_id: 'u' }), 'user_exists'],
    ] as const) {
      expect(await factOf(work)).toMatchObject({ kind, deletion });
    }
    const { revival } = await memory.add(caller, 's', hello);
    expect(revival).toStrictEqual({ deleted_message_count: 1 });
    expect(await sessions.restore(caller, 's')).toMatchObject({ messages: 1 });
    expect(await users.restore(caller, 'u')).toMatchObject({ user: { user_id: 'u' } });
  });
});
