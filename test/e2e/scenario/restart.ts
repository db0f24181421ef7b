import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Cell } from './matrix-case.ts';

/** What outlives the server. */
export function restart(cell: Cell): void {
  it('finds everything again after the server was restarted', async () => {
    const { user_id } = await cell.addUser();
    const live = randomUUID();
    await cell.call('add_session', { session_id: live, user_id, metadata: { kept: true } });
    const messages = [{ role: 'user', content: 'remember me' }];
    await cell.call('add_memory', { session_id: live, messages });
    await cell.call('set_summary', { session_id: live, content: 'One was said.', up_to_seq: 1 });
    const user = await cell.call('get_user', { user_id });
    const memory = await cell.call('get_memory', { session_id: live });
    const deleted = await cell.addSession({ deleted: true });
    await cell.call('delete_session', { session_id: deleted.session_id });

    await cell.restart();
    expect(await cell.call('get_user', { user_id })).toEqual(user);
    expect(await cell.call('get_memory', { session_id: live })).toEqual(memory);
    expect((await cell.call('list_sessions', { user_id })).sessions).toEqual([memory.session]);
    await cell.refused('get_session', { session_id: deleted.session_id }, 'NOT_FOUND');
    expect(await cell.call('restore_session', { session_id: deleted.session_id })).toEqual({
      session: deleted,
      restored_message_count: 0,
    });
  });
}
