// Prints what a model pays to read: the catalogue, a conversation of twelve short messages, and ten
// hits of a search. A token is taken for four bytes of JSON; the tokenizers of current models need
// up to a tenth less for this.
//
//   npm run build && node bench/tokens.mjs [FOLDER...]
//
// Each FOLDER is another checkout that is built, to be compared with this one.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const BYTES_PER_TOKEN = 4;

const tokensOf = (text) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

const TURNS = [
  'Where did we want to go in May?',
  'To Lisbon, for three nights.',
  'Which hotel was it?',
  'Hotel Alfama, from the 4th on.',
  'And how do we get there?',
  'By the night train from Madrid.',
];

/** What one checkout sends, in tokens. */
async function measure(folder) {
  const home = await mkdtemp(join(tmpdir(), 'tokens-'));
  const client = new Client({ name: 'tokens', version: '1' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [join(folder, 'dist', 'main.js')],
      env: { PATH: process.env.PATH ?? '', SESSIONS_DB: join(home, 'sessions.db') },
    }),
  );
  const call = async (name, args) => {
    const { isError, content } = await client.callTool({ name, arguments: args });
    if (isError) throw new Error(`${name}: ${content[0].text}`);
    return content[0].text;
  };
  try {
    const { tools } = await client.listTools();
    const messages = [...TURNS, ...TURNS].map((content, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content,
    }));
    for (const message of messages) {
      await call('add_memory', { session_id: 'trip', messages: [message] });
    }
    const visible = tools.map(({ name, description, inputSchema }) => ({
      ...{ name, description, inputSchema },
    }));
    return {
      'tools/list': tokensOf(JSON.stringify({ tools })),
      'of it names, descriptions and arguments': tokensOf(JSON.stringify(visible)),
      'get_memory of 12 messages': tokensOf(await call('get_memory', { session_id: 'trip' })),
      'search_memory with 10 hits': tokensOf(
        await call('search_memory', { query: 'hotel Lisbon train', limit: 10 }),
      ),
    };
  } finally {
    await client.close();
    await rm(home, { recursive: true, force: true });
  }
}

const here = fileURLToPath(new URL('..', import.meta.url));
for (const folder of [here, ...process.argv.slice(2).map((path) => resolve(path))]) {
  console.log(folder === here ? 'this checkout' : folder);
  for (const [what, tokens] of Object.entries(await measure(folder))) {
    console.log(`${String(tokens).padStart(8)}  ${what}`);
  }
}
