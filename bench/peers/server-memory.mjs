// @modelcontextprotocol/server-memory keeps entities with observations in a JSON file: a session is
// an entity here, a message an observation. The file is not synced to the disk; ours is.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addsTwo, fill, MESSAGES_PER_SESSION, said, turns } from './conversation.mjs';

/** @returns the sessions that hold `size` messages */
const sessionsOf = (size) => Math.max(1, size / MESSAGES_PER_SESSION);

function entities(size) {
  return Array.from({ length: sessionsOf(size) }, (_, session) =>
    JSON.stringify({
      type: 'entity',
      name: `session-${session}`,
      entityType: 'session',
      observations: turns(MESSAGES_PER_SESSION, session * MESSAGES_PER_SESSION).map(
        ({ content }) => content,
      ),
    }),
  ).join('\n');
}

export const serverMemory = {
  name: '@modelcontextprotocol/server-memory',
  label: 'server-memory',
  store: 'embedded',
  script: 'node_modules/@modelcontextprotocol/server-memory/dist/index.js',
  args: [],
  env: ({ folder, size }) => ({ MEMORY_FILE_PATH: join(folder, `memory-${size}.jsonl`) }),

  async prepare({ folder, size, ours }) {
    const kept = entities(size);
    const reset = () => writeFile(join(folder, `memory-${size}.jsonl`), kept);
    await reset();
    for (let session = 0; session < sessionsOf(size); session++) {
      await fill(ours, `session-${session}`, MESSAGES_PER_SESSION, session * MESSAGES_PER_SESSION);
    }
    const sessionOf = (round) => `session-${round % sessionsOf(size)}`;
    const wordOf = (round) => `kumquat${(round * 7) % size}`;
    const found = (text, round) => {
      if (!text.includes(said(Number(wordOf(round).slice(7))))) {
        throw new Error(`${wordOf(round)} was not found.`);
      }
    };
    return {
      // It reads the file at every call: so it has the same size in every round.
      beforeRound: reset,
      works: [
        {
          what: 'add 2 messages',
          tools: 'add_memory / add_observations',
          ours: addsTwo(sessionOf, size),
          theirs: (client, round) =>
            client.call('add_observations', {
              observations: [
                {
                  entityName: sessionOf(round),
                  contents: turns(2, size + 2 * round).map(({ content }) => content),
                },
              ],
            }),
        },
        {
          what: 'find one by a word',
          tools: 'search_memory / search_nodes',
          ours: async (client, round) =>
            found(await client.call('search_memory', { query: wordOf(round) }), round),
          theirs: async (client, round) =>
            found(await client.call('search_nodes', { query: `${wordOf(round)} ` }), round),
        },
      ],
    };
  },
};
