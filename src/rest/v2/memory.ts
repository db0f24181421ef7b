import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { content, MESSAGES_PER_CALL } from '../../domain/records.ts';
import { ROLE_TYPES, speakerName, storedSpeaker } from '../../domain/speakers.ts';
import type { AddedMessage } from '../../services/append.ts';
import { contextText } from '../context-text.ts';
import { deleteMemoryRoute } from '../memory.ts';
import { messageRoutes, newMessageFields } from '../messages.ts';
import { memoryQuery, sessionPath } from '../parameters.ts';
import { appendOnce } from '../repeated-append.ts';
import { defineRoute } from '../route.ts';
import { summary, toSummary } from '../summaries.ts';
import { fact, toContextFact } from './graph-records.ts';
import { message, toMessage, V2 } from './records.ts';

const newMessage = z.object({
  role: speakerName.optional(),
  role_type: z.enum(ROLE_TYPES).optional(),
  content: content.default(''),
  ...newMessageFields,
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
  deleteMemoryRoute(V2),
  ...messageRoutes(V2),
];

const toAdded = ({ role, role_type, ...rest }: z.output<typeof newMessage>): AddedMessage => ({
  ...rest,
  ...storedSpeaker({ role, role_type }),
});
