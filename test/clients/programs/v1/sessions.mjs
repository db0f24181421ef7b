// The page on sessions, for the JavaScript clients of the self-hosted edition.
import { Memory, Message, Session, ZepClient } from '@getzep/zep-js';
import { recordWarnings, refusal, report } from '../report.mjs';

const warnings = recordWarnings();
const client = await ZepClient.init(process.env.ZEP_API_URL, process.env.ZEP_API_KEY);
await client.user.add({ user_id: 'ada' });

const session = new Session({ session_id: 'first', user_id: 'ada', metadata: { foo: 'bar' } });
const added = await client.memory.addSession(session);
const addedAgain = await refusal(() => client.memory.addSession(session));

const update = (metadata) =>
  client.memory.updateSession(new Session({ session_id: 'first', metadata }));
const updated = await update({ qax: 'baz', nested: { a: 1 } });
const merged = await update({ nested: { b: 2 } });
const got = await client.memory.getSession('first');

// What was read can be sent back with all of its fields.
got.metadata.sent = 'back';
const sentBack = await client.memory.updateSession(got);

for (let number = 0; number < 119; number += 1) {
  const crowd = new Session({ session_id: `crowd-${number}`, metadata: { number } });
  await client.memory.addSession(crowd);
}
const ids = (sessions) => sessions.map(({ session_id }) => session_id);
const listed = await client.memory.listSessions(10, 0);
const last = await client.memory.listSessions(10, 115);
const chunks = [];
for await (const chunk of client.memory.listSessionsChunked()) chunks.push(ids(chunk));

const messages = [new Message({ role: 'user', content: 'hello' })];
await client.memory.addMemory('first', new Memory({ messages }));
const deleted = await client.memory.deleteMemory('first');
const deletedAgain = await refusal(() => client.memory.deleteMemory('first'));
const gone = await refusal(() => client.memory.getSession('first'));
const [firstLeft] = ids(await client.memory.listSessions(1));

// An update brings a deleted session back.
const restored = await update({ back: true });
const there = await client.memory.getSession('first');

report({
  warnings,
  added: added.toDict(),
  addedAgain,
  updated: updated.metadata,
  merged: merged.metadata,
  got: got.toDict(),
  sentBack: sentBack.metadata,
  listed: ids(listed),
  listedFirst: listed[0].toDict(),
  last: ids(last),
  chunks,
  deleted,
  deletedAgain,
  gone,
  firstLeft,
  restored: restored.toDict(),
  there: there.toDict(),
  unknown: await refusal(() => client.memory.getSession('unknown')),
  unknownUpdated: await refusal(() =>
    client.memory.updateSession(new Session({ session_id: 'unknown', metadata: {} })),
  ),
  unknownUser: await refusal(() =>
    client.memory.addSession(new Session({ session_id: 'other', user_id: 'nobody' })),
  ),
});
