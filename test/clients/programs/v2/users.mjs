// The page on users, for the JavaScript clients of the cloud edition.
import { recordWarnings, refusal, report } from '../report.mjs';
import { connect } from './client.mjs';

recordWarnings();
const client = connect();

const ada = {
  userId: 'ada',
  email: 'ada@example.com',
  firstName: 'Ada',
  lastName: 'Lovelace',
  metadata: { plan: 'free', tags: ['a', 'b'] },
};
const added = await client.user.add(ada);
const addedAgain = await refusal(() => client.user.add(ada));
const got = await client.user.get('ada');
const updated = await client.user.update('ada', {
  email: 'countess@example.com',
  metadata: { plan: 'paid' },
});

for (let number = 0; number < 104; number += 1) await client.user.add({ userId: `user-${number}` });
const ids = (users) => users.map(({ userId }) => userId);
const chunks = [];
for (let pageNumber = 1; ; pageNumber += 1) {
  const { users } = await client.user.listOrdered({ pageSize: 100, pageNumber });
  if (users.length === 0) break;
  chunks.push(ids(users));
}
const listed = await client.user.listOrdered({ pageSize: 2, pageNumber: 1 });

for (const sessionId of ['one', 'two']) {
  await client.memory.addSession({ sessionId, userId: 'ada' });
}
await client.memory.add('one', { messages: [{ roleType: 'user', content: 'hello' }] });
const sessions = await client.user.getSessions('ada');
const none = await client.user.getSessions('user-0');

const deleted = await client.user.delete('ada');
report({
  added,
  addedAgain,
  got,
  updated,
  chunks,
  listed: { ...listed, users: listed.users.length },
  // zep-js 2.0.2 looks for a list of lists there, and passes on what the server sent.
  sessions: sessions.map((session) => session.sessionId ?? session.session_id),
  none: none.length,
  deleted: deleted.message,
  gone: await refusal(() => client.user.get('ada')),
  sessionGone: await refusal(() => client.memory.getSession('one')),
  memoryGone: await refusal(() => client.memory.get('one')),
  unknownUpdated: await refusal(() => client.user.update('unknown', { email: 'x@y.z' })),
  unknownDeleted: await refusal(() => client.user.delete('unknown')),
});
