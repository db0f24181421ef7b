import { expect, it } from 'vitest';
import { describeServices } from './describe-services.ts';

const EARLIER = '2021-03-04T05:06:07.890Z';

describeServices('records that come from elsewhere', (at) => {
  it('keep the time of their creation, and change when they are added', async () => {
    const { caller, users, sessions, memory, clock } = at;
    const now = new Date(clock.now).toISOString();
    const user = await users.add(caller, { user_id: 'ada', created_at: EARLIER });
    expect(user).toMatchObject({ created_at: EARLIER, updated_at: now });
    expect(await users.get(caller, 'ada')).toStrictEqual(user);

    const session = await sessions.add(caller, { session_id: 's', created_at: EARLIER });
    expect(session).toMatchObject({ created_at: EARLIER, updated_at: now });
    expect(await sessions.get(caller, 's')).toStrictEqual(session);

    await memory.add(caller, 's', [{ role: 'user', content: 'hello' }]);
    const summary = { content: 'A greeting.', up_to_seq: 1, created_at: EARLIER };
    await memory.summarize(caller, 's', summary);
    expect((await memory.get(caller, 's')).summary).toStrictEqual(summary);
  });

  it('are created now if they bring no time', async () => {
    const { caller, users, sessions, clock } = at;
    const now = new Date(clock.now).toISOString();
    expect(await users.add(caller, { user_id: 'ada' })).toMatchObject({ created_at: now });
    expect(await sessions.add(caller, { session_id: 's' })).toMatchObject({ created_at: now });
  });

  it('are listed by the time of their creation', async () => {
    const { caller, sessions } = at;
    for (const [session_id, created_at] of [
      ['second', '2022-01-01T00:00:00.000Z'],
      ['first', '2021-01-01T00:00:00.000Z'],
      ['third', undefined],
    ] as const) {
      await sessions.add(caller, { session_id, created_at });
    }
    const list = { order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;
    const { records } = await sessions.list(caller, list);
    expect(records.map(({ session_id }) => session_id)).toEqual(['first', 'second', 'third']);
  });
});
