import { expect, it } from 'vitest';
import type { MatrixCase } from './matrix-case.ts';

/** Sessions: added, changed, listed, deleted, restored. */
export function sessions(matrixCase: MatrixCase): void {
  it('gets back the session that it added', async () => {
    const metadata = { title: 'Ünï 🦊', 'a.b': { $set: [1, null, 'x'] }, empty: {} };
    const added = await matrixCase.addSession(metadata);
    expect(added).toMatchObject({ metadata, message_count: 0 });
    expect(added).not.toHaveProperty('user_id');
    const { session_id } = added;
    expect(await matrixCase.call('get_session', { session_id })).toEqual({ session: added });
  });

  it('merges metadata: objects at every depth, null removes, arrays replace', async () => {
    const { session_id } = await matrixCase.addSession({
      keep: 1,
      drop: 2,
      deep: { a: 1, b: 2 },
      list: [1, 2],
    });
    const merged = { keep: 1, deep: { a: 1, c: { d: 3 } }, list: [3] };
    const patch = { drop: null, deep: { b: null, c: { d: 3, e: null } }, list: [3] };
    const { session } = await matrixCase.call('update_session_metadata', {
      session_id,
      metadata: patch,
    });
    expect(session.metadata).toEqual(merged);
    expect((await matrixCase.call('get_session', { session_id })).session).toEqual(session);
  });

  it('gives a session a title, and the user that it has not had yet', async () => {
    const { session_id } = await matrixCase.addSession({ keep: 1 });
    const user_id = `owner of ${session_id}`;
    await matrixCase.call('add_user', { user_id });
    const update = { session_id, user_id, title: 'Lisbon' };
    const { session } = await matrixCase.call('update_session', update);
    expect(session).toMatchObject({ user_id, metadata: { keep: 1, title: 'Lisbon' } });
    const { sessions } = await matrixCase.call('list_sessions', { user_id });
    expect(sessions).toEqual([session]);
    const { sessions: named } = await matrixCase.call('list_sessions', { user_id, query: 'lis' });
    expect(named).toEqual([session]);
    const free = await matrixCase.addSession();
    const other = { session_id: free.session_id, user_id: 'nobody' };
    expect(await matrixCase.refused('update_session', other, 'NOT_FOUND')).toContain('"nobody"');
  });

  it('meets every session once, newest first, when it follows the cursor', async () => {
    const added: string[] = [];
    for (let count = 0; count < 5; count++)
      added.unshift((await matrixCase.addSession()).session_id);
    const { records, pages } = await matrixCase.everything('list_sessions', 'sessions', {
      limit: 2,
    });
    const seen = records.map(({ session_id }) => session_id);
    expect(Math.max(...pages)).toBe(2);
    expect(seen.filter((name) => added.includes(name))).toEqual(added);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('no longer finds what it deleted, is told of restore_session, and gets all of it back', async () => {
    const added = await matrixCase.addSession({ title: 'to be deleted' });
    const { session_id } = added;
    const deletion = await matrixCase.call('delete_session', { session_id });
    expect(deletion).toMatchObject({ deleted_message_count: 0, purge_at: expect.any(String) });
    expect(await matrixCase.call('delete_session', { session_id })).toEqual(deletion);
    for (const tool of ['get_session', 'update_session_metadata']) {
      const args = { session_id, ...(tool !== 'get_session' && { metadata: {} }) };
      const message = await matrixCase.refused(tool, args, 'NOT_FOUND');
      expect(message).toContain('restore_session');
      expect(message).toContain(deletion.purge_at);
    }
    const deleted = await matrixCase.call('list_sessions', { deleted: 'only' });
    expect(deleted.sessions).toContainEqual(deletion.session);
    expect(await matrixCase.call('restore_session', { session_id })).toEqual({
      session: added,
      restored_message_count: 0,
    });
    expect(await matrixCase.call('get_session', { session_id })).toEqual({ session: added });
  });

  it('is told what is wrong, and what to do', async () => {
    const { session_id } = await matrixCase.addSession();
    expect(await matrixCase.refused('add_session', { session_id }, 'ALREADY_EXISTS')).toContain(
      'update_session_metadata',
    );
    expect(await matrixCase.refused('get_session', { session_id: 'none' }, 'NOT_FOUND')).toContain(
      'list_sessions',
    );
    const unknown = await matrixCase.refused('get_session', { sessionid: 'x' }, 'INVALID_ARGUMENT');
    expect(unknown).toContain('"sessionid"');
    expect(unknown).toContain('session_id');
    await matrixCase.refused('list_sessions', { limit: 2, page_number: 1 }, 'INVALID_ARGUMENT');
    await matrixCase.refused('list_sessions', { cursor: 'no cursor of ours' }, 'INVALID_ARGUMENT');
    const args = { session_id: 'x', user_id: 'nobody' };
    expect(await matrixCase.refused('add_session', args, 'NOT_FOUND')).toContain('add_user');
  });
}
