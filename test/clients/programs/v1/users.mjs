// The page on users, for the JavaScript clients of the self-hosted edition.
import { Memory, Message, Session, ZepClient } from '@getzep/zep-js';
import { recordWarnings, refusal, report } from '../report.mjs';

recordWarnings();
const client = await ZepClient.init(process.env.ZEP_API_URL, process.env.ZEP_API_KEY);

const ada = {
  user_id: 'ada',
  email: 'ada@example.com',
  first_name: 'Ada',
  last_name: 'Lovelace',
  metadata: { plan: 'free', tags: ['a', 'b'] },
};
const added = await client.user.add(ada);
const addedAgain = await refusal(() => client.user.add(ada));
const got = await client.user.get('ada');
const updated = await client.user.update({
  user_id: 'ada',
  email: 'countess@example.com',
  metadata: { plan: 'paid' },
});

for (let number = 0; number < 104; number += 1) {
  await client.user.add({ user_id: `user-${number}` });
}
const ids = (users) => users.map(({ user_id }) => user_id);
const chunks = [];
for await (const chunk of client.user.listChunked()) chunks.push(ids(chunk));

for (const session_id of ['one', 'two']) {
  await client.memory.addSession(new Session({ session_id, user_id: 'ada' }));
}
const messages = [new Message({ role: 'Ada', content: 'hello' })];
await client.memory.addMemory('one', new Memory({ messages }));
const sessions = await client.user.getSessions('ada');
const none = await client.user.getSessions('user-0');

const listed = await client.user.list(2, 1);

const deleted = await client.user.delete('ada');
report({
  added: added.toDict(),
  addedAgain,
  got: got.toDict(),
  updated: updated.toDict(),
  listed: ids(listed),
  chunks,
  sessions: sessions.map(({ session_id, user_id }) => ({ session_id, user_id })),
  none: none.length,
  deleted,
  gone: await refusal(() => client.user.get('ada')),
  sessionGone: await refusal(() => client.memory.getSession('one')),
  memoryGone: (await client.memory.getMemory('one')).messages,
  unknownUpdated: await refusal(() => client.user.update({ user_id: 'unknown', email: 'x@y.z' })),
  // Collections of documents are not served.
  collection: await refusal(() => client.document.getCollection('docs')),
  unknownDeleted: await refusal(() => client.user.delete('unknown')),
});
