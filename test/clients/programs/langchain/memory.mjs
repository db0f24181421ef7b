// The memory of a LangChain chain: a conversation is saved, loaded, searched and cleared.
import { ZepMemory } from '@langchain/community/memory/zep';
import { ZepRetriever } from '@langchain/community/retrievers/zep';
import { recordWarnings, report } from '../report.mjs';

const warnings = recordWarnings();
const address = {
  ...{ sessionId: 'LangChain', baseURL: process.env.ZEP_API_URL, apiKey: process.env.ZEP_API_KEY },
  url: process.env.ZEP_API_URL,
};
const memory = new ZepMemory(address);
const before = await memory.loadMemoryVariables({});
await memory.saveContext({ input: 'I moved to Lisbon' }, { output: 'How is the weather?' });
await memory.saveContext({ input: 'It rains' }, { output: 'Take an umbrella' });

// Another process goes on with it.
const messages = new ZepMemory({ ...address, returnMessages: true });
const { history } = await messages.loadMemoryVariables({});
const { history: last } = await messages.loadMemoryVariables({ lastN: 2 });

const found = await new ZepRetriever(address).getRelevantDocuments('Which umbrella?');
const text = await memory.loadMemoryVariables({});
await memory.clear();
const cleared = await memory.loadMemoryVariables({});
await memory.saveContext({ input: 'Hello again' }, { output: 'Hello' });

report({
  warnings,
  before: before.history,
  text: text.history,
  messages: history.map((message) => [message._getType(), message.content]),
  last: last.map(({ content }) => content),
  found: found.map(({ pageContent }) => pageContent),
  cleared: cleared.history,
  again: (await memory.loadMemoryVariables({})).history,
});
