import { expect } from 'vitest';
import { LANGCHAIN_CLIENTS } from '../support/zep-clients.ts';
import { runProgram } from '../support/zep-programs.ts';
import { describeZepServers, itWithEach } from '../support/zep-servers.ts';

const CONVERSATION = [
  ['human', 'I moved to Lisbon'],
  ['ai', 'How is the weather?'],
  ['human', 'It rains'],
  ['ai', 'Take an umbrella'],
];
/** As LangChain writes it into a prompt. It tells the speakers by the roles that it saved. */
const TEXT =
  'Human: I moved to Lisbon\nAI: How is the weather?\nHuman: It rains\nAI: Take an umbrella';

describeZepServers('the memory of a chain', LANGCHAIN_CLIENTS, (server) => {
  itWithEach(LANGCHAIN_CLIENTS, 'saves, loads, searches and clears', async (client) => {
    const seen = await runProgram(client, 'langchain/memory', server.fresh());
    const ofLanguage =
      client.language === 'Python'
        ? { metadata: [{}, {}, { mood: 'sad' }, { mood: 'sad' }] }
        : { last: ['It rains', 'Take an umbrella'] };
    expect(seen).toStrictEqual({
      warnings: [],
      before: '',
      text: TEXT,
      messages: CONVERSATION,
      found: expect.any(Array),
      cleared: '',
      again: 'Human: Hello again\nAI: Hello',
      ...ofLanguage,
    });
    expect(seen.found[0]).toBe('Take an umbrella');
  });
});
