import { z } from 'zod';
import { metadata } from '../domain/metadata.ts';
import { type Message, messageUuid, time } from '../domain/records.ts';
import type { Generation } from './generation.ts';
import { readList } from './lists.ts';
import { messagePath, messagesQuery, patchBody, sessionPath } from './parameters.ts';
import { defineRoute, type RestContext } from './route.ts';

/** The fields of a new message that both generations have. */
export const newMessageFields = {
  uuid: messageUuid.meta({ format: 'uuid' }).optional(),
  created_at: time().optional(),
  metadata: metadata('Any JSON object about this message.').optional(),
};

export const messageRoutes = ({ prefix, message }: Generation) => [
  defineRoute({
    method: 'GET',
    path: `${prefix}/sessions/{session_id}/messages`,
    summary: "List a session's messages, oldest first.",
    toolset: 'memory',
    request: { path: sessionPath, query: messagesQuery },
    status: 200,
    answer: z.object({
      messages: z.array(message.schema),
      total_count: z.int(),
      row_count: z.int(),
    }),
    async run({ path: { session_id }, query }, context) {
      const page = await readMessages(context, session_id, query);
      return { ...page, messages: page.messages.map(message.show) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: `${prefix}/sessions/{session_id}/messages/{message_uuid}`,
    summary: 'Get a message.',
    toolset: 'memory',
    request: { path: messagePath },
    status: 200,
    answer: message.schema,
    run: async ({ path: { session_id, message_uuid } }, { caller, memory }) =>
      message.show(await memory.getMessage(caller, session_id, message_uuid)),
  }),
  defineRoute({
    method: 'PATCH',
    path: `${prefix}/sessions/{session_id}/messages/{message_uuid}`,
    summary: "Merge metadata into a message's.",
    toolset: 'memory',
    request: { path: messagePath, body: patchBody },
    status: 200,
    answer: message.schema,
    run: async ({ path: { session_id, message_uuid }, body }, { caller, memory }) =>
      message.show(await memory.updateMetadata(caller, session_id, message_uuid, body.metadata)),
  }),
];

/** A page of a session's messages, oldest first, and how many messages there are on all pages. */
async function readMessages(
  { caller, memory }: RestContext,
  session_id: string,
  { limit, cursor: number = 1 }: { limit?: number | undefined; cursor?: number | undefined },
): Promise<{ messages: Message[]; total_count: number; row_count: number }> {
  const { records, total = 0 } = await readList(
    async (page) => {
      const list = { order: 'asc', include_total: true, ...page } as const;
      const { messages, ...rest } = await memory.list(caller, session_id, list);
      return { records: messages, ...rest };
    },
    { limit, offset: limit === undefined ? 0 : (number - 1) * limit },
  );
  return { messages: records, total_count: total, row_count: records.length };
}
