// Memory, messages and search, for the JavaScript clients of the cloud edition.
import { recordWarnings, refusal, report } from '../report.mjs';
import { connect } from './client.mjs';

recordWarnings();
const client = connect();
await client.user.add({ userId: 'ada' });
await client.memory.addSession({ sessionId: 'chat', userId: 'ada' });
await client.memory.addSession({ sessionId: 'long', userId: 'ada' });

const messages = [
  { role: 'Ada', roleType: 'user', content: 'I moved to Lisbon', metadata: { mood: 'happy' } },
  { role: 'assistant', roleType: 'assistant', content: 'How is the weather there?' },
  { roleType: 'system', content: 'It rains: 東京 was drier 🌧' },
  { role: 'weather', roleType: 'function', content: 'rain' },
  { role: 'shop', roleType: 'tool', content: 'Take an umbrella' },
  { role: 'Human', roleType: 'norole', content: 'Fine', createdAt: '2024-05-06T07:08:09Z' },
];
await client.memory.add('chat', { messages });
const got = await client.memory.get('chat');
const lastTwo = await client.memory.get('chat', { lastn: 2 });

const numbered = Array.from({ length: 14 }, (_, n) => ({ roleType: 'user', content: `${n}` }));
await client.memory.add('long', { messages: numbered });
// A body that is sent once more is taken for a repetition, unless something came between.
await client.memory.addSession({ sessionId: 'repeated', userId: 'ada' });
for (const content of ['ping', 'ping', 'pong', 'ping']) {
  await client.memory.add('repeated', { messages: [{ roleType: 'user', content }] });
}
const repeated = await client.memory.get('repeated');
const contents = (list) => list.map(({ content }) => content);

const all = await client.memory.getSessionMessages('chat');
const page = (limit, cursor) => client.memory.getSessionMessages('chat', { limit, cursor });
const [{ uuid }] = got.messages;
const one = await client.memory.getSessionMessage('chat', uuid);
const patched = await client.memory.updateMessageMetadata('chat', uuid, {
  metadata: { seen: { by: 'ada' } },
});
const again = await client.memory.getSessionMessage('chat', uuid);

const search = (query) =>
  client.memory.searchSessions({ text: 'Which umbrella?', searchScope: 'messages', ...query });
const ofUser = await search({ userId: 'ada' });
const ofSession = await search({ sessionIds: ['chat'] });
const elsewhere = await search({ sessionIds: ['long'] });
const limited = await search({ text: 'weather Lisbon umbrella', userId: 'ada', limit: 1 });

const shown = (list) =>
  list.map(({ role, roleType, content, metadata }) => ({ role, roleType, content, metadata }));
report({
  got: shown(got.messages),
  dated: got.messages[5].createdAt,
  lastTwo: contents(lastTwo.messages),
  window: contents((await client.memory.get('long')).messages),
  repeated: contents(repeated.messages),
  all: { ...all, messages: contents(all.messages) },
  first: contents((await page(4, 1)).messages),
  second: contents((await page(4, 2)).messages),
  third: contents((await page(4, 3)).messages),
  one,
  patched: patched.metadata,
  again: again.metadata,
  ofUser: ofUser.results.map(({ message, sessionId }) => [sessionId, message.content]),
  ofSession: contents(ofSession.results.map(({ message }) => message)),
  scores: ofSession.results.map(({ score }) => typeof score),
  foundRole: ofSession.results[0]?.message.roleType,
  elsewhere: elsewhere.results.length,
  limited: limited.results.length,
  unknownMessage: await refusal(() =>
    client.memory.getSessionMessage('chat', '00000000-0000-4000-8000-000000000000'),
  ),
  unknownMessages: await refusal(() => client.memory.getSessionMessages('unknown')),
  unknownMemory: await refusal(() => client.memory.get('unknown')),
});
