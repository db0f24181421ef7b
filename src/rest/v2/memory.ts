import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { content, MESSAGES_PER_CALL, messageUuid, time } from '../../domain/records.ts';
import { ROLE_TYPES, speakerName, storedSpeaker } from '../../domain/speakers.ts';
import type { AddedMessage } from '../../services/append.ts';
import { contextText } from '../context-text.ts';
import { deleteSession } from '../memory.ts';
import { readMessages } from '../messages.ts';
import { memoryQuery, messagePath, messagesQuery, patchBody, sessionPath } from '../parameters.ts';
import { appendOnce } from '../repeated-append.ts';
import { defineRoute } from '../route.ts';
import { toSummary } from '../summaries.ts';
import { fact, toContextFact } from './graph-records.ts';
import { message, summary, toMessage } from './records.ts';

const newMessage = z.object({
  role: speakerName.optional(),
  role_type: z.enum(ROLE_TYPES).optional(),
  content: content.default(''),
  uuid: messageUuid.meta({ format: 'uuid' }).optional(),
  created_at: time().optional(),
  metadata: metadata('Any JSON object about this message.').optional(),
});

export const MEMORY_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v2/sessions/{session_id}/memory',
    summary: 'Add messages to a session, which is created or brought back.',
    toolset: 'memory',
    request: {
      path: sessionPath,
      body: z.object({
        messages: z.array(newMessage).min(1).max(MESSAGES_PER_CALL),
        return_context: z.boolean().optional(),
      }),
    },
    status: 201,
    answer: z.object({ context: z.string().optional() }),
    async run({ path: { session_id }, body }, context) {
      await appendOnce(context, session_id, body.messages.map(toAdded));
      if (body.return_context !== true) return {};
      const { caller, memory } = context;
      return contextText((await memory.get(caller, session_id)).context);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/sessions/{session_id}/memory',
    summary: "Get a session's last messages and its summary.",
    toolset: 'memory',
    request: { path: sessionPath, query: memoryQuery },
    status: 200,
    answer: z.object({
      context: z.string().optional(),
      messages: z.array(message),
      relevant_facts: z.array(fact),
      summary: summary.optional(),
      metadata: metadata("The session's metadata."),
    }),
    async run({ path: { session_id }, query: { lastn } }, context) {
      const { caller, memory } = context;
      const found = await memory.get(caller, session_id, { last_n: lastn });
      const { session, summary: newest, messages } = found;
      return {
        ...contextText(found.context),
        messages: messages.map(toMessage),
        relevant_facts: (found.context?.facts ?? []).map(toContextFact),
        ...(newest !== undefined && { summary: await toSummary(context, session, newest) }),
        metadata: session.metadata,
      };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v2/sessions/{session_id}/memory',
    summary: 'Delete a session with its messages.',
    toolset: 'sessions',
    request: { path: sessionPath },
    status: 200,
    answer: z.object({ message: z.literal('OK') }),
    async run({ path: { session_id } }, context) {
      await deleteSession(context, session_id);
      return { message: 'OK' as const };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/sessions/{session_id}/messages',
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
    path: '/api/v2/sessions/{session_id}/messages/{message_uuid}',
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
    path: '/api/v2/sessions/{session_id}/messages/{message_uuid}',
    summary: "Merge metadata into a message's.",
    toolset: 'memory',
    request: { path: messagePath, body: patchBody },
    status: 200,
    answer: message,
    run: async ({ path: { session_id, message_uuid }, body }, { caller, memory }) =>
      toMessage(await memory.updateMetadata(caller, session_id, message_uuid, body.metadata)),
  }),
];

const toAdded = ({ role, role_type, ...rest }: z.output<typeof newMessage>): AddedMessage => ({
  ...rest,
  ...storedSpeaker({ role, role_type }),
});
