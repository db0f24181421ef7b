import { z } from 'zod';
import { readMessages } from '../messages.ts';
import { messagePath, messagesQuery, patchBody, sessionPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { message, toMessage } from './records.ts';

export const MESSAGE_ROUTES = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/{session_id}/messages',
    summary: "List a session's messages, oldest first.",
    toolset: 'memory',
    request: { path: sessionPath, query: messagesQuery },
    status: 200,
    answer: z.object({ messages: z.array(message), total_count: z.int(), row_count: z.int() }),
    async run({ path: { session_id }, query }, context) {
      const page = await readMessages(context, session_id, query);
      return { ...page, messages: page.messages.map(toMessage) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/{session_id}/messages/{message_uuid}',
    summary: 'Get a message.',
    toolset: 'memory',
    request: { path: messagePath },
    status: 200,
    answer: message,
    run: async ({ path: { session_id, message_uuid } }, { caller, memory }) =>
      toMessage(await memory.getMessage(caller, session_id, message_uuid)),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/sessions/{session_id}/messages/{message_uuid}',
    summary: "Merge metadata into a message's.",
    toolset: 'memory',
    request: { path: messagePath, body: patchBody },
    status: 200,
    answer: message,
    run: async ({ path: { session_id, message_uuid }, body }, { caller, memory }) =>
      toMessage(await memory.updateMetadata(caller, session_id, message_uuid, body.metadata)),
  }),
];
