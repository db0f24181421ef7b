import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import {
  closeObserved,
  openObserved,
  skipReason,
  standalone,
} from '../../../support/observed-store.ts';
import { numberedMessages } from '../../../support/records.ts';

const caller = { namespace: 'n' };

afterAll(closeObserved);

describe.skipIf(standalone === null)(`a standalone server that was cut off${skipReason}`, () => {
  it('removes messages that a crash kept from becoming part of their session', async () => {
    const at = openObserved(standalone);
    await at.memory.add(caller, 's', numberedMessages(2));
    const session = await at.db.collection('mcp_sessions_sessions').findOne({ session_id: 's' });
    // What a crash between the insert and the last write leaves behind.
    const session_uuid = String(session?._id);
    const _id = `${session_uuid}@3`;
    const orphan = { namespace: 'n', session_id: 's', session_uuid, seq: 3 };
    const text = { uuid: randomUUID(), role: 'user', content: 'orphan', metadata: {} };
    const rest = { token_count: 1, revision: 0, created_at: new Date(), updated_at: new Date() };
    const messages = at.db.collection<{ _id: string }>('mcp_sessions_messages');
    await messages.insertOne({ _id, ...orphan, ...text, ...rest });
    const added = await at.memory.add(caller, 's', numberedMessages(1));
    expect(added).toMatchObject({ session: { message_count: 3 }, messages: [{ seq: 3 }] });
    const again = [{ ...text, content: 'retried' }];
    expect((await at.memory.add(caller, 's', again)).messages).toMatchObject([
      { seq: 4, status: 'created' },
    ]);
    const listed = await at.memory.list(caller, 's', { order: 'asc' });
    expect(listed.messages.map(({ seq }) => seq)).toStrictEqual([1, 2, 3, 4]);
    expect(listed.messages[3]).toMatchObject({ uuid: text.uuid, content: 'retried' });
    expect(await messages.countDocuments()).toBe(4);
  });
});
