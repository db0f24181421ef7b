// The page on sessions, for the JavaScript clients of the cloud edition.
import { recordWarnings, refusal, report } from '../report.mjs';
import { connect } from './client.mjs';

const warnings = recordWarnings();
const client = connect();
await client.user.add({ userId: 'ada' });

const session = { sessionId: 'first', userId: 'ada', metadata: { foo: 'bar' } };
const added = await client.memory.addSession(session);
const addedAgain = await refusal(() => client.memory.addSession(session));

const update = (metadata) => client.memory.updateSession('first', { metadata });
const updated = await update({ qax: 'baz', nested: { a: 1 } });
const merged = await update({ nested: { b: 2 } });
const got = await client.memory.getSession('first');

for (let number = 0; number < 119; number += 1) {
  const sessionId = `crowd-${number}`;
  await client.memory.addSession({ sessionId, userId: 'ada', metadata: { number } });
}
const ids = ({ sessions }) => sessions.map(({ sessionId }) => sessionId);
const listed = await client.memory.listSessions({ pageSize: 10, pageNumber: 1 });
const oldest = await client.memory.listSessions({
  pageSize: 3,
  pageNumber: 1,
  orderBy: 'created_at',
  asc: true,
});
const chunks = [];
for (let pageNumber = 1; ; pageNumber += 1) {
  const page = ids(await client.memory.listSessions({ pageSize: 100, pageNumber }));
  if (page.length === 0) break;
  chunks.push(page);
}

await client.memory.add('first', { messages: [{ roleType: 'user', content: 'hello' }] });
const deleted = await client.memory.delete('first');
const deletedAgain = await refusal(() => client.memory.delete('first'));
const gone = await refusal(() => client.memory.getSession('first'));
const memoryGone = await refusal(() => client.memory.get('first'));

// What is said after that brings the session back, without what was said before.
await client.memory.add('first', { messages: [{ roleType: 'user', content: 'again' }] });
const back = await client.memory.get('first');
report({
  warnings,
  added,
  addedAgain,
  updated: updated.metadata,
  merged: merged.metadata,
  got,
  listed: { ...listed, sessions: ids(listed) },
  listedFirst: listed.sessions[0],
  oldest: ids(oldest),
  chunks,
  deleted: deleted.message,
  deletedAgain,
  gone,
  memoryGone,
  back: back.messages.map(({ content }) => content),
  unknown: await refusal(() => client.memory.getSession('unknown')),
  unknownUpdated: await refusal(() => client.memory.updateSession('unknown', { metadata: {} })),
  unknownUser: await refusal(() =>
    client.memory.addSession({ sessionId: 'other', userId: 'nobody' }),
  ),
});
