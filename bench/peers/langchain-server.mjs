// Lets a client use MongoDBChatMessageHistory over stdio, with no more around it than that takes.

import { AIMessage, HumanMessage } from '@langchain/core/messages';
import { MongoDBChatMessageHistory } from '@langchain/mongodb';
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { MongoClient } from 'mongodb';
import { z } from 'zod';

const { MONGODB_URI, COLLECTION } = process.env;
const client = await new MongoClient(MONGODB_URI).connect();
const collection = client.db('peer').collection(COLLECTION);

const session_id = z.string();
const messages = z.array(z.object({ role: z.string(), content: z.string() }));

const historyOf = (sessionId) => new MongoDBChatMessageHistory({ collection, sessionId });

function answer(content) {
  return {
    content: [{ type: 'text', text: JSON.stringify(content) }],
    structuredContent: content,
  };
}

serveStdio(() => {
  const server = new McpServer({ name: 'langchain', version: '0.0.0' });
  server.registerTool(
    'add_messages',
    { inputSchema: z.object({ session_id, messages }) },
    async (args) => {
      const added = args.messages.map(({ role, content }) =>
        role === 'user' ? new HumanMessage(content) : new AIMessage(content),
      );
      await historyOf(args.session_id).addMessages(added);
      return answer({ added: added.length });
    },
  );
  server.registerTool('get_messages', { inputSchema: z.object({ session_id }) }, async (args) => {
    const found = await historyOf(args.session_id).getMessages();
    const read = found.map((message) => ({ role: message.getType(), content: message.content }));
    return answer({ messages: read });
  });
  return server;
});
