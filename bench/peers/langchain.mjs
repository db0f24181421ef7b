// MongoDBChatMessageHistory of @langchain/mongodb keeps a conversation in one document. It is a
// library; langchain-server.mjs lets a client use it over stdio, through the SDK's server.

import { contentOf } from '../clients.mjs';
import { addsTwo, fill, sessionsFor, turns } from './conversation.mjs';

/** A message as the library stores it. */
const stored = ({ role, content }) => ({
  type: role === 'user' ? 'human' : 'ai',
  data: {
    content,
    additional_kwargs: {},
    response_metadata: {},
    ...(role === 'assistant' && { tool_calls: [], invalid_tool_calls: [] }),
  },
});

/** All messages of a session of ours, by pages of as many as fit into one. */
async function readAll(client, session_id) {
  let cursor;
  do {
    const args = { session_id, order: 'asc', limit: 250, ...(cursor && { cursor }) };
    cursor = contentOf(await client.call('list_messages', args)).next_cursor;
  } while (cursor !== undefined);
}

export const langchain = {
  name: 'MongoDBChatMessageHistory of @langchain/mongodb',
  label: 'MongoDBChatMessageHistory',
  store: 'MongoDB',
  script: 'langchain-server.mjs',
  args: [],
  env: ({ place, size }) => ({ MONGODB_URI: place.uri, COLLECTION: `history_${size}` }),

  async prepare({ mongo, size, rounds, ours }) {
    const histories = mongo.db('peer').collection(`history_${size}`);
    await histories.createIndex({ sessionId: 1 });
    const sessions = sessionsFor(size, rounds);
    for (let session = 0; session < sessions; session++) {
      const sessionId = `session-${session}`;
      await histories.insertOne({ sessionId, messages: turns(size, 0).map(stored) });
      await fill(ours, sessionId, size);
    }
    const sessionOf = (round) => `session-${round % sessions}`;
    const theirsReads = (client, round) =>
      client.call('get_messages', { session_id: sessionOf(round) });
    return {
      works: [
        {
          what: 'add 2 messages',
          tools: 'add_memory / addMessages',
          ours: addsTwo(sessionOf, size),
          theirs: (client, round) =>
            client.call('add_messages', {
              session_id: sessionOf(round),
              messages: turns(2, size + 2 * round),
            }),
        },
        {
          what: 'read back to go on',
          tools: 'get_memory / getMessages',
          ours: (client, round) => client.call('get_memory', { session_id: sessionOf(round) }),
          theirs: theirsReads,
        },
        {
          what: 'read back all',
          tools: 'list_messages, all pages / getMessages',
          ours: (client, round) => readAll(client, sessionOf(round)),
          theirs: theirsReads,
        },
      ],
    };
  },
};
