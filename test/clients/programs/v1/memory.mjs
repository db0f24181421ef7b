// Memory, messages and search, for the JavaScript clients of the self-hosted edition.
import { Memory, MemorySearchPayload, Message, ZepClient } from '@getzep/zep-js';
import { recordWarnings, refusal, report } from '../report.mjs';

recordWarnings();
const client = await ZepClient.init(process.env.ZEP_API_URL, process.env.ZEP_API_KEY);

// Memory of a session that nobody has added adds it.
const turns = [
  { role: 'user', content: 'I moved to Lisbon', metadata: { mood: 'happy' } },
  { role: 'assistant', content: 'How is the weather there?' },
  { role: 'Human', content: 'It rains: 東京 was drier 🌧' },
  { role: 'AI', content: 'Take an umbrella' },
];
const memory = new Memory({ messages: turns.map((turn) => new Message(turn)) });
const saved = await client.memory.addMemory('chat', memory);
const got = await client.memory.getMemory('chat');
const lastTwo = await client.memory.getMemory('chat', 2);

const numbered = Array.from({ length: 14 }, (_, n) => new Message({ role: 'n', content: `${n}` }));
await client.memory.addMemory('long', new Memory({ messages: numbered }));
const contents = (messages) => messages.map(({ content }) => content);
const window = await client.memory.getMemory('long');

// A body that is sent once more is taken for a repetition, unless something came between.
for (const content of ['ping', 'ping', 'pong', 'ping']) {
  const message = new Message({ role: 'user', content });
  await client.memory.addMemory('repeated', new Memory({ messages: [message] }));
}
const repeated = await client.memory.getMemory('repeated');

const search = (text, limit) =>
  client.memory.searchMemory('chat', new MemorySearchPayload({ text }), limit);
const found = await search('Which umbrella?');
const one = await search('weather Lisbon umbrella', 1);
const elsewhere = await client.memory.searchMemory(
  'long',
  new MemorySearchPayload({ text: 'Lisbon' }),
);

// Older clients know no single messages.
let pages = null;
if (client.message !== undefined) {
  const [uuid] = got.messages.map((message) => message.uuid);
  const patch = (metadata) => client.message.updateSessionMessageMetadata('chat', uuid, metadata);
  const page = async (limit, number) =>
    contents(await client.message.getSessionMessages('chat', limit, number));
  pages = {
    all: contents(await client.message.getSessionMessages('chat')),
    first: await page(3, 1),
    second: await page(3, 2),
    third: await page(3, 3),
    one: (await client.message.getSessionMessage('chat', uuid)).toDict(),
    patched: (await patch({ seen: { by: 'ada' } })).toDict(),
    again: (await client.message.getSessionMessage('chat', uuid)).metadata,
    unknown: await refusal(() =>
      client.message.getSessionMessage('chat', '00000000-0000-4000-8000-000000000000'),
    ),
    unknownSession: await refusal(() => client.message.getSessionMessages('unknown')),
  };
}

// What was read can be sent back: messages that are there are not added again.
await client.memory.addMemory('chat', got);
const sentBack = await client.memory.getMemory('chat');

const deleted = await client.memory.deleteMemory('chat');
const empty = await client.memory.getMemory('chat');
await client.memory.addMemory('chat', new Memory({ messages: numbered.slice(0, 1) }));

report({
  saved,
  got: got.messages.map((message) => message.toDict()),
  lastTwo: contents(lastTwo.messages),
  window: contents(window.messages),
  repeated: contents(repeated.messages),
  found: contents(found.map(({ message }) => message)),
  foundRoles: found.map(({ message }) => message.role),
  distances: found.map(({ dist }) => typeof dist),
  one: one.length,
  elsewhere: elsewhere.length,
  pages,
  sentBack: contents(sentBack.messages),
  deleted,
  empty: empty.messages,
  revived: contents((await client.memory.getMemory('chat')).messages),
  unknown: (await client.memory.getMemory('unknown')).messages,
});
