import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { metadata } from '../../domain/metadata.ts';
import { content, MESSAGES_PER_CALL, role, summaryContent } from '../../domain/records.ts';
import { deleteMemoryRoute, mergeSessionMetadata, summarize } from '../memory.ts';
import { messageRoutes, newMessageFields } from '../messages.ts';
import { memoryQuery, sessionPath } from '../parameters.ts';
import { appendOnce } from '../repeated-append.ts';
import { defineRoute } from '../route.ts';
import { summary, toSummary } from '../summaries.ts';
import { message, toMessage, V1 } from './records.ts';

const newMessage = z.object({
  role,
  content,
  ...newMessageFields,
});

export const MEMORY_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/sessions/{session_id}/memory',
    summary: 'Add messages to a session, which is created or brought back.',
    toolset: 'memory',
    request: {
      path: sessionPath,
      body: z.object({
        messages: z.array(newMessage).min(1).max(MESSAGES_PER_CALL),
        metadata: metadata("Merged into the session's.").optional(),
        summary: z.object({ content: summaryContent }).optional(),
      }),
    },
    status: 200,
    answer: z.literal('OK'),
    async run({ path: { session_id }, body }, context) {
      const { messages, metadata: patch, summary: given } = body;
      // First, if the session is there: metadata that becomes too large must not leave the messages stored.
      const isMerged = await mergeSessionMetadata(context, session_id, patch);
      const up_to_seq = await appendOnce(context, session_id, messages);
      if (!isMerged) await mergeSessionMetadata(context, session_id, patch);
      if (given !== undefined) await summarize(context, session_id, { ...given, up_to_seq });
      return 'OK' as const;
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/{session_id}/memory',
    summary: "Get a session's last messages and its summary. An unknown session has none.",
    toolset: 'memory',
    request: { path: sessionPath, query: memoryQuery },
    status: 200,
    answer: z.object({
      messages: z.array(message),
      summary: summary.optional(),
      metadata: metadata("The session's metadata.").optional(),
    }),
    async run({ path: { session_id }, query: { lastn } }, context) {
      const { caller, memory } = context;
      const found = await memory
        .get(caller, session_id, { last_n: lastn, context_tokens: 0 })
        .catch((error: unknown) => {
          if (error instanceof DomainError && error.code === 'NOT_FOUND') return undefined;
          throw error;
        });
      if (found === undefined) return { messages: [] };
      return {
        messages: found.messages.map(toMessage),
        ...(found.summary !== undefined && {
          summary: await toSummary(context, found.session, found.summary),
        }),
        metadata: found.session.metadata,
      };
    },
  }),
  deleteMemoryRoute(V1),
  ...messageRoutes(V1),
];
