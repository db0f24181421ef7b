import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { MongoServerError } from 'mongodb';
import { afterAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import type { AddedMessage } from '../../../../src/services/append.ts';
import { purgeExpired } from '../../../../src/services/purge.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';

const caller = { namespace: 'n' };
const STRAY = randomUUID();
/** What an append sends that knows nothing of the session. */
const FIRST = ['aggregate', 'bulkWrite'];

/** Appending in one command, which is not a transaction (src/store/mongodb/append/index.ts). */
describe.skipIf(replicaSet === null)(`appending in one command${skipReason}`, () => {
  let at: Observed;
  beforeEach(() => {
    at = openObserved(replicaSet);
  });
  afterAll(closeObserved);

  const said = (...contents: string[]): AddedMessage[] =>
    contents.map((content) => ({ role: 'user', content }));

  const add = (messages: AddedMessage[], by = at) => by.memory.add(caller, 's', messages);

  /** What adding sends, by name. */
  const sent = (messages: AddedMessage[], by = at) => by.sent(() => add(messages, by));

  /** The services of another process on the same database. */
  const another = () => openObserved(replicaSet, { database: at.db.databaseName });

  const listed = async () =>
    (await at.memory.list(caller, 's', { order: 'asc' })).messages.map(({ seq, content }) => [
      seq,
      content,
    ]);

  const stored = () => at.db.collection('mcp_sessions_messages').countDocuments();

  /** What a command leaves behind whose server was killed before it came to the session. */
  async function cutOff(seq: number): Promise<void> {
    const messages = at.db.collection<{ _id: string }>('mcp_sessions_messages');
    const last = await messages.findOne({ session_id: 's' }, { sort: { seq: -1 } });
    const { session_uuid } = last as unknown as { session_uuid: string };
    const _id = `${session_uuid}@${seq}`;
    await messages.insertOne({
      ...{ ...last, _id, seq, uuid: STRAY },
      ...{ content: 'a stray word', terms: ['stray', 'word'] },
    });
  }

  /** Has the server fail commands, of the clients of one name. Skips the test if it cannot. */
  async function failCommands(
    { skip }: Pick<TestContext, 'skip'>,
    times: number,
    data: { appName: string; [key: string]: unknown },
  ): Promise<void> {
    const failure = { failCommands: ['bulkWrite'], ...data };
    const command = { configureFailPoint: 'failCommand', mode: { times }, data: failure };
    try {
      await at.client.db('admin').command(command);
    } catch (error) {
      // CommandNotFound: a server of somebody else's, without test commands.
      if ((error as MongoServerError).code !== 59) throw error;
      skip('the server has no fail points');
    }
  }

  it('is as durable as every other write', async () => {
    await add(said('one'));
    const [command] = await at.commands(() => add(said('two')));
    expect(command).toMatchObject({
      commandName: 'bulkWrite',
      command: { ordered: true, writeConcern: { w: 'majority', j: true } },
    });
  });

  it('shows nobody the messages of one that was cut off', async () => {
    await add(said('one', 'two'));
    await cutOff(3);
    expect(await listed()).toStrictEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
    expect((await at.memory.get(caller, 's')).messages).toHaveLength(2);
    expect((await at.sessions.get(caller, 's')).message_count).toBe(2);
    expect((await at.search.search(caller, { query: 'stray', limit: 5 })).hits).toStrictEqual([]);
    const missing = { code: 'NOT_FOUND' };
    await expect(at.memory.getMessage(caller, 's', STRAY)).rejects.toMatchObject(missing);
    const update = at.memory.updateMetadata(caller, 's', STRAY, { a: 1 });
    await expect(update).rejects.toMatchObject(missing);
    const summary = { content: 'x', up_to_seq: 3 };
    const summarize = at.memory.summarize(caller, 's', summary);
    await expect(summarize).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each([
    ['by the process that appended last', () => at],
    ['by a process that knows nothing of the session', another],
  ])('puts the next messages where one was cut off, %s', async (_, who) => {
    await add(said('one', 'two'));
    await cutOff(4);
    expect((await add(said('three', 'four'), who())).messages).toMatchObject([
      { seq: 3, status: 'created' },
      { seq: 4, status: 'created' },
    ]);
    expect(await listed()).toStrictEqual(['one', 'two', 'three', 'four'].map((c, i) => [i + 1, c]));
    expect(await stored()).toBe(4);
  });

  it('adds a message as new whose uuid one that was cut off had', async () => {
    await add(said('one'));
    await cutOff(2);
    const { messages } = await add([...said('two'), { uuid: STRAY, role: 'user', content: '3' }]);
    expect(messages).toMatchObject([
      { seq: 2, status: 'created' },
      { seq: 3, status: 'created' },
    ]);
    expect((await at.memory.getMessage(caller, 's', STRAY)).content).toBe('3');
  });

  it('leaves one that was cut off alone where nothing is new', async () => {
    const uuid = randomUUID();
    await add([{ uuid, role: 'user', content: 'one' }]);
    await cutOff(2);
    const again = await add([{ uuid, role: 'user', content: 'once more' }]);
    expect(again).toMatchObject({ session: { message_count: 1 }, messages: [{ seq: 1 }] });
    // Whoever wrote it may be about to make it part of the session, whose end has not moved.
    expect(await stored()).toBe(2);
    await add(said('two'));
    expect(await stored()).toBe(2);
  });

  it('takes nothing for cut off that is about to be part of the session', async () => {
    await add(said('one'));
    await cutOff(2);
    const adding = sent(said('three'));
    await delay(10);
    await at.db.collection('mcp_sessions_sessions').updateOne({}, { $set: { last_seq: 2 } });
    expect(await adding).not.toContain('commitTransaction');
    expect(await listed()).toStrictEqual([
      [1, 'one'],
      [2, 'a stray word'],
      [3, 'three'],
    ]);
  });

  it('sends two commands for a session that it does not know, and one from then on', async () => {
    await at.store.ping();
    expect(await sent(said('1'))).toStrictEqual(FIRST);
    expect(await sent(said('2'))).toStrictEqual(['bulkWrite']);
    await at.sessions.delete(caller, 's');
    expect(await sent(said('3'))).toStrictEqual(FIRST);
    expect(await sent(said('4'))).toStrictEqual(['bulkWrite']);
    const other = another();
    await other.store.ping();
    expect(await sent(said('5'), other)).toStrictEqual(FIRST);
    expect((await listed()).map(([seq]) => seq)).toStrictEqual([3, 4, 5]);
  });

  it('finds what another process has added since, without waiting for it to move', async () => {
    const other = another();
    await add(said('one'));
    const uuid = randomUUID();
    const retried = [{ uuid, role: 'user', content: 'two' }];
    await add(retried, other);
    const names = await sent(retried);
    expect(names).not.toContain('bulkWrite');
    expect(await listed()).toHaveLength(2);
  });

  it('leaves nothing in a session that went while it was behind', async (context) => {
    const appName = `left-${randomUUID()}`;
    const database = at.db.databaseName;
    const behind = openObserved(replicaSet, { database, client: { appName } });
    await add(said('1'), behind);
    await at.sessions.delete(caller, 's');
    await at.store.sessions.purge('n', 's', '2200-01-01T00:00:00.000Z');
    await add(said('2'));
    await failCommands(context, 1, { errorCode: 112, appName });
    await add(said('3'), behind);
    expect(await listed()).toStrictEqual([
      [1, '2'],
      [2, '3'],
    ]);
    expect(await at.db.collection('mcp_sessions_messages').countDocuments({ content: '3' })).toBe(
      1,
    );
  });

  it('follows a session that two processes append to by turns', async () => {
    const other = another();
    await add(said('1'));
    await add(said('2'), other);
    expect(await sent(said('3'))).toStrictEqual(['bulkWrite', 'aggregate', 'bulkWrite']);
    expect(await sent(said('4'), other)).toStrictEqual(['bulkWrite', 'aggregate', 'bulkWrite']);
    expect(await sent(said('5'), other)).toStrictEqual(['bulkWrite']);
    expect(await listed()).toStrictEqual([1, 2, 3, 4, 5].map((seq) => [seq, String(seq)]));
  });

  it('is for the owner of the session, too, and not in the way of callers who are not', async () => {
    await at.users.add(caller, { user_id: 'ada' });
    await at.sessions.add(caller, { session_id: 's', user_id: 'ada' });
    await add(said('1'));
    const as = (user_id: string) => at.memory.add({ ...caller, user_id }, 's', said(user_id));
    await expect(as('eve')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(await at.sent(() => as('ada'))).toStrictEqual(['bulkWrite']);
    expect(await listed()).toStrictEqual([
      [1, '1'],
      [2, 'ada'],
    ]);
  });

  it('remembers nothing for as long as a session may be gone after its deletion', async () => {
    const brief = openObserved(replicaSet, { purgeAfter: 100 });
    await add(said('1'), brief);
    await delay(60);
    expect(await sent(said('2'), brief)).toStrictEqual(FIRST);
  });

  it('revives a session that another process has deleted, without its messages', async () => {
    const other = another();
    await add(said('1', '2'));
    await other.sessions.delete(caller, 's');
    const { session, messages } = await add(said('3'));
    expect(session.message_count).toBe(1);
    expect(messages).toMatchObject([{ seq: 3 }]);
    expect(await listed()).toStrictEqual([[3, '3']]);
    expect(await stored()).toBe(3);
  });

  it('leaves nothing in a session that another process has purged', async () => {
    const other = another();
    await add(said('1', '2'));
    await other.sessions.delete(caller, 's');
    const cutoff = new Date(other.clock.now).toISOString();
    await purgeExpired(other.store, { cutoff });
    expect((await add(said('anew'))).session.message_count).toBe(1);
    expect(await listed()).toStrictEqual([[1, 'anew']]);
    expect(await stored()).toBe(1);
  });

  it('refuses a session whose user another process has deleted, and adds nothing to it', async () => {
    const other = another();
    await at.users.add(caller, { user_id: 'u' });
    await at.sessions.add(caller, { session_id: 's', user_id: 'u' });
    await add(said('1'));
    await add(said('2'));
    await other.users.delete(caller, 'u');
    await expect(add(said('3'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await other.users.restore(caller, 'u');
    expect(await listed()).toStrictEqual([
      [1, '1'],
      [2, '2'],
    ]);
    expect((await add(said('4'))).messages).toMatchObject([{ seq: 3 }]);
  });

  it('answers by the summary that another process has made', async () => {
    const other = another();
    await add(said(...Array.from({ length: 30 }, (_, i) => String(i))));
    expect(await add(said('x'))).toHaveProperty('summaryBacklog', { from_seq: 1, up_to_seq: 31 });
    await other.memory.summarize(caller, 's', { content: 'so far', up_to_seq: 5 });
    expect(await add(said('y'))).toHaveProperty('summaryBacklog', { from_seq: 6, up_to_seq: 32 });
  });

  it('takes as many commands as it needs for what is too large for one', async () => {
    await add(said('one'));
    // A server takes 48,000,000 bytes in a command.
    const large = Array.from({ length: 50 }, () => 'x'.repeat(1024 * 1024));
    expect(await sent(said(...large))).toStrictEqual(['bulkWrite', 'bulkWrite']);
    expect((await at.sessions.get(caller, 's')).message_count).toBe(51);
    expect(await stored()).toBe(51);
  });

  it('finds what is there however much was cut off behind it', async () => {
    await add(said('a banana', 'another banana'));
    const first = await at.db.collection('mcp_sessions_messages').findOne({ seq: 1 });
    const strays = Array.from({ length: 700 }, (_, i) => ({
      ...{ ...first, _id: `${first?.session_uuid}@${i + 3}`, seq: i + 3, uuid: randomUUID() },
      created_at: new Date(at.clock.now + 1000),
    }));
    await at.db.collection<{ _id: string }>('mcp_sessions_messages').insertMany(strays);
    for (const scope of [{}, { session_id: 's' }]) {
      const { hits } = await at.search.search(caller, { query: 'banana', limit: 5, ...scope });
      expect(hits.map(({ message }) => message.seq).sort()).toStrictEqual([1, 2]);
    }
  });

  it('finds what is there while more is added', async () => {
    await add(said('a banana'));
    let adding = true;
    const many = Array.from({ length: 700 }, (_, i) => `banana ${i}`);
    const added = add(said(...many)).finally(() => {
      adding = false;
    });
    let searches = 0;
    while (adding) {
      const { hits } = await at.search.search(caller, { query: 'banana', limit: 5 });
      expect(hits).not.toHaveLength(0);
      if (adding) searches += 1;
    }
    await added;
    expect(searches).toBeGreaterThan(0);
  });

  it('keeps what others had added to a session that was deleted since', async (context) => {
    const appName = `lost-${randomUUID()}`;
    const database = at.db.databaseName;
    const lost = openObserved(replicaSet, { database, client: { appName } });
    await add(said('1'), lost);
    await add(said('2', '3'));
    await at.sessions.delete(caller, 's');
    // The driver itself repeats a command once.
    await failCommands(context, 2, { closeConnection: true, appName });
    expect((await add(said('4'), lost)).messages).toMatchObject([{ seq: 4 }]);
    expect(await stored()).toBe(4);
  });

  it('adds once what was done though its answer says that it may not last', async (context) => {
    const appName = `unsure-${randomUUID()}`;
    const unsure = openObserved(replicaSet, { client: { appName } });
    await add(said('1'), unsure);
    const writeConcernError = { code: 100, errmsg: 'there are not enough members' };
    await failCommands(context, 1, { writeConcernError, appName });
    expect((await add(said('2'), unsure)).messages).toMatchObject([{ seq: 2, status: 'created' }]);
    expect((await unsure.sessions.get(caller, 's')).message_count).toBe(2);
    expect(await unsure.db.collection('mcp_sessions_messages').countDocuments()).toBe(2);
  });

  it('adds nothing any more once it has said that another change is in the way', async () => {
    await add(said('1'));
    const session = at.client.startSession();
    session.startTransaction();
    await at.db
      .collection('mcp_sessions_sessions')
      .updateOne({}, { $set: { touched: true } }, { session });
    const refused = await add(said('2')).catch((error: unknown) => error);
    await session.abortTransaction();
    await session.endSession();
    expect(refused).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('Another change of the same record'),
    });
    await delay(500);
    expect(await listed()).toStrictEqual([[1, '1']]);
    expect((await add(said('3'))).messages).toMatchObject([{ seq: 2 }]);
    expect(await stored()).toBe(2);
  });

  it('sends the same commands one by one where the server refuses to take both', async (context) => {
    const appName = `refused-${randomUUID()}`;
    const refused = openObserved(replicaSet, { client: { appName } });
    await refused.store.ping();
    await failCommands(context, 1, { errorCode: 115, appName });
    expect(await sent(said('1'), refused)).toStrictEqual([
      ...['aggregate', 'bulkWrite'],
      ...['insert', 'update'],
    ]);
    expect(await sent(said('2'), refused)).toStrictEqual(['insert', 'update']);
    await refused.sessions.delete(caller, 's');
    expect(await sent(said('3'), refused)).toStrictEqual(['aggregate', 'insert', 'update']);
    expect((await refused.memory.get(caller, 's')).messages).toMatchObject([{ seq: 3 }]);
  });
});
