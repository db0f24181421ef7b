import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { MatrixCase } from './matrix-case.ts';

/** Search. */
export function search(matrixCase: MatrixCase): void {
  it('finds a message by its words, with its session and what was said around it', async () => {
    const session_id = await matrixCase.addConversation([
      'one',
      'the Zephyrs were blowing',
      'three',
    ]);
    const args = { query: 'Which zephyr?', session_id, neighbours: 1, limit: 1 };
    const { hits, sessions, next_cursor, ...rest } = await matrixCase.call('search_memory', args);
    const { session, messages } = await matrixCase.call('get_memory', { session_id });
    const near = ({ uuid, seq, role, content }: Record<string, unknown>) => ({
      ...{ uuid, seq, role, content },
    });
    expect(hits).toEqual([
      {
        score: expect.any(Number),
        message: { session_id, ...messages[1], created_at: messages[0].created_at },
        before: [near(messages[0])],
        after: [near(messages[2])],
      },
    ]);
    expect(sessions).toEqual([session]);
    expect(rest).toEqual({ considered_count: 3, mode: 'lexical' });
    const next = await matrixCase.call('search_memory', { ...args, cursor: next_cursor });
    expect(next.hits).toHaveLength(1);
  });

  it('looks in one session, in those of one user, or in all, and never in what is deleted', async () => {
    const word = `zephyr${randomUUID().replaceAll('-', '')}`;
    const user_id = randomUUID();
    await matrixCase.call('add_user', { user_id });
    const theirs = randomUUID();
    await matrixCase.call('add_session', { session_id: theirs, user_id });
    const messages = [{ role: 'user', content: word }];
    await matrixCase.call('add_memory', { session_id: theirs, messages });
    const other = await matrixCase.addConversation([word]);
    const found = async (scope: Record<string, unknown>) =>
      (await matrixCase.call('search_memory', { query: word, ...scope })).hits
        .map(({ message }: { message: { session_id: string } }) => message.session_id)
        .toSorted();
    expect(await found({})).toEqual([theirs, other].toSorted());
    expect(await found({ user_id })).toEqual([theirs]);
    expect(await found({ session_id: other })).toEqual([other]);
    await matrixCase.call('delete_session', { session_id: theirs });
    expect(await found({})).toEqual([other]);
    await matrixCase.refused('search_memory', { query: word, session_id: theirs }, 'NOT_FOUND');
    await matrixCase.refused('search_memory', { query: word, user_id: randomUUID() }, 'NOT_FOUND');
  });

  it('says that there is nothing to look for, and how to go on', async () => {
    const { hits, advice } = await matrixCase.call('search_memory', { query: '*** ()' });
    expect([hits, advice]).toEqual([[], expect.stringContaining('Use words')]);
  });
}
