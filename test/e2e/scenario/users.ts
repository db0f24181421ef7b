import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { MatrixCase } from './matrix-case.ts';

/** Users, and their sessions when a user is deleted or restored. */
export function users(matrixCase: MatrixCase): void {
  it('gets back the user that it added, and changes one field at a time', async () => {
    const fields = { email: 'ada@example.org', first_name: 'Ada 🦊', last_name: 'Lovelace' };
    const metadata = { keep: 1, drop: 2, deep: { a: 1 } };
    const added = await matrixCase.addUser(randomUUID(), { ...fields, metadata });
    expect(added).toMatchObject({ ...fields, metadata });
    const { user_id } = added;
    expect(await matrixCase.call('get_user', { user_id })).toEqual({ user: added });

    const update = {
      first_name: null,
      last_name: 'King',
      metadata: { drop: null, deep: { b: 2 } },
    };
    const { user } = await matrixCase.call('update_user', { user_id, ...update });
    expect(user).toMatchObject({ email: fields.email, last_name: 'King' });
    expect(user).not.toHaveProperty('first_name');
    expect(user.metadata).toEqual({ keep: 1, deep: { a: 1, b: 2 } });
    expect(await matrixCase.call('get_user', { user_id })).toEqual({ user });

    expect(await matrixCase.refused('add_user', { user_id }, 'ALREADY_EXISTS')).toContain(
      'update_user',
    );
    for (const tool of ['get_user', 'update_user', 'delete_user', 'restore_user']) {
      const message = await matrixCase.refused(tool, { user_id: 'nobody' }, 'NOT_FOUND');
      expect(message).toContain('list_users');
    }
  });

  it('meets every user once, newest first, when it follows the cursor', async () => {
    const added: string[] = [];
    for (let count = 0; count < 3; count++) added.unshift((await matrixCase.addUser()).user_id);
    const { records } = await matrixCase.everything('list_users', 'users', { limit: 2 });
    const seen = records.map(({ user_id }) => user_id);
    expect(seen.filter((name) => added.includes(name))).toEqual(added);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('finds nothing of a user whom it deleted, and gets back exactly what went with the user', async () => {
    const { user_id } = await matrixCase.addUser();
    const [talk, idle, gone] = [randomUUID(), randomUUID(), randomUUID()];
    for (const session_id of [talk, idle, gone]) {
      await matrixCase.call('add_session', { session_id, user_id });
    }
    const messages = [{ role: 'user', content: 'mine' }];
    await matrixCase.call('add_memory', { session_id: talk, messages });
    await matrixCase.call('delete_session', { session_id: gone });
    const { advice: _, ...memory } = await matrixCase.call('get_memory', { session_id: talk });
    const user = await matrixCase.call('get_user', { user_id });
    const listed = await matrixCase.call('list_sessions', { user_id });
    expect(
      new Set(listed.sessions.map((found: { session_id: string }) => found.session_id)),
    ).toEqual(new Set([talk, idle]));

    const deletion = await matrixCase.call('delete_user', { user_id });
    expect(deletion).toMatchObject({ deleted_session_count: 2, purge_at: expect.any(String) });
    expect(await matrixCase.call('delete_user', { user_id })).toEqual(deletion);
    for (const [tool, args] of [
      ['get_user', { user_id }],
      ['update_user', { user_id }],
      ['add_session', { user_id, session_id: randomUUID() }],
      ['get_session', { session_id: idle }],
      ['update_session_metadata', { session_id: idle, metadata: {} }],
      ['get_memory', { session_id: talk }],
      ['list_messages', { session_id: talk }],
      ['add_memory', { session_id: talk, messages }],
      ['restore_session', { session_id: talk }],
      ['restore_session', { session_id: gone }],
    ] as const) {
      expect(await matrixCase.refused(tool, args, 'NOT_FOUND'), tool).toContain('restore_user');
    }
    expect(await matrixCase.call('list_sessions', { user_id })).toEqual({ sessions: [] });
    const { client } = matrixCase;
    expect((await client.complete('user://{user_id}', 'user_id', user_id)).values).toEqual([]);
    expect((await client.complete('resume_session', 'session_id', talk)).values).toEqual([]);
    const deleted = await matrixCase.call('list_users', { deleted: 'only' });
    expect(deleted.users).toContainEqual(deletion.user);

    expect(await matrixCase.call('restore_user', { user_id })).toEqual({
      ...user,
      restored_session_count: deletion.deleted_session_count,
    });
    expect(await matrixCase.call('list_sessions', { user_id })).toEqual(listed);
    expect(await matrixCase.call('get_memory', { session_id: talk })).toEqual(memory);
    expect(await matrixCase.refused('get_session', { session_id: gone }, 'NOT_FOUND')).toContain(
      'restore_session',
    );
  });
}
