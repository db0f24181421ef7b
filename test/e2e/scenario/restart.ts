import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { MatrixCase } from './matrix-case.ts';

/** The records that are kept across a restart. */
export function restart(matrixCase: MatrixCase): void {
  it('finds everything again after the server was restarted', async () => {
    const { user_id } = await matrixCase.addUser();
    const live = randomUUID();
    await matrixCase.call('add_session', { session_id: live, user_id, metadata: { kept: true } });
    const messages = [{ role: 'user', content: 'remember me' }];
    await matrixCase.call('add_memory', { session_id: live, messages });
    await matrixCase.call('set_summary', {
      session_id: live,
      content: 'One was said.',
      up_to_seq: 1,
    });
    const user = await matrixCase.call('get_user', { user_id });
    const { advice, ...memory } = await matrixCase.call('get_memory', { session_id: live });
    expect(advice).toContain('No facts were drawn from 1 message');
    const fact = { subject: 'Ada', predicate: 'LIKES', object: 'tea', fact: 'Ada likes tea.' };
    await matrixCase.call('add_facts', { user_id, facts: [fact] });
    const facts = await matrixCase.call('search_facts', { user_id });
    expect(facts.facts).toMatchObject([fact]);
    const deleted = await matrixCase.addSession({ deleted: true });
    await matrixCase.call('delete_session', { session_id: deleted.session_id });

    await matrixCase.restart();
    expect(await matrixCase.call('get_user', { user_id })).toEqual(user);
    const again = await matrixCase.call('get_memory', { session_id: live });
    expect(again).toEqual({ ...memory, advice });
    expect(await matrixCase.call('search_facts', { user_id })).toEqual(facts);
    expect((await matrixCase.call('list_sessions', { user_id })).sessions).toMatchObject([
      memory.session,
    ]);
    await matrixCase.refused('get_session', { session_id: deleted.session_id }, 'NOT_FOUND');
    expect(await matrixCase.call('restore_session', { session_id: deleted.session_id })).toEqual({
      session: deleted,
      restored_message_count: 0,
    });
  });
}
