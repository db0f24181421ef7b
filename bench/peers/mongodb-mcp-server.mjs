// mongodb-mcp-server reads and writes documents of any collection, on the MongoDB server that ours
// uses, too. Its collection has the index that finding a session's last messages takes.

import { addsTwo, fill, sessionsFor, turns } from './conversation.mjs';

const DATABASE = 'peer';

/** What it calls the connection that it is started with. */
const CONNECTION = 'preconfigured';

export const mongodbMcpServer = {
  name: 'mongodb-mcp-server',
  label: 'mongodb-mcp-server',
  store: 'MongoDB',
  script: 'node_modules/mongodb-mcp-server/dist/esm/index.js',
  args: ['--telemetry', 'disabled', '--loggers', 'stderr'],
  env: ({ place }) => ({ MDB_MCP_CONNECTION_STRING: place.uri }),

  async prepare({ mongo, size, rounds, ours }) {
    const collection = `messages_${size}`;
    const messages = mongo.db(DATABASE).collection(collection);
    await messages.createIndex({ session_id: 1, seq: 1 });
    const sessions = sessionsFor(size, rounds);
    const documents = (session_id, count, first) =>
      turns(count, first).map((turn, i) => ({ session_id, seq: first + i, ...turn }));
    for (let session = 0; session < sessions; session++) {
      await messages.insertMany(documents(`session-${session}`, size, 0));
      await fill(ours, `session-${session}`, size);
    }
    const target = { connectionId: CONNECTION, database: DATABASE, collection };
    const sessionOf = (round) => `session-${round % sessions}`;
    return {
      works: [
        {
          what: 'add 2 messages',
          tools: 'add_memory / insert-many',
          ours: addsTwo(sessionOf, size),
          theirs: (client, round) =>
            client.call('insert-many', {
              ...target,
              documents: documents(sessionOf(round), 2, size + 2 * round),
            }),
        },
        {
          what: 'read the last 12',
          tools: 'get_memory / find',
          ours: (client, round) => client.call('get_memory', { session_id: sessionOf(round) }),
          theirs: (client, round) =>
            client.call('find', {
              ...target,
              filter: { session_id: sessionOf(round) },
              sort: { seq: -1 },
              limit: 12,
            }),
        },
      ],
    };
  },
};
