import { z } from 'zod';
import { normalizeBefore } from '../../../domain/lenient-input.ts';
import { messageParts, normalizeMessage } from '../../../domain/message-parts.ts';
import { metadata } from '../../../domain/metadata.ts';
import {
  content,
  MESSAGES_PER_CALL,
  messageUuid,
  OF_YOUR_CHOOSING,
  role,
  session,
  sessionId,
  time,
  timestamp,
  userId,
} from '../../../domain/records.ts';
import { adviceResult, revivalAdvice, summaryAdvice } from '../../answer/summary-advice.ts';
import { ADDS, defineTool } from '../../tool.ts';

const newMessage = z.strictObject({
  role,
  content: content.meta({ description: 'What was said, up to 1 MiB.' }),
  parts: messageParts.optional(),
  created_at: time()
    .optional()
    .meta({ description: 'When it was said, if not now, such as 2026-01-31T12:00:00Z.' }),
  uuid: messageUuid.optional().meta({
    description: 'A UUID of your own makes a retry safe: the same one updates that message.',
  }),
  metadata: metadata('Any JSON object about this message.').optional(),
});

const messages = z
  .array(normalizeBefore(newMessage, normalizeMessage))
  .superRefine((list, context) => {
    const problem =
      list.length === 0
        ? 'holds no message: give at least one'
        : list.length > MESSAGES_PER_CALL
          ? `holds ${list.length} messages, and at most ${MESSAGES_PER_CALL} are allowed: send the rest in another call`
          : undefined;
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({
    description: 'In the order in which they were said.',
    minItems: 1,
    maxItems: MESSAGES_PER_CALL,
  });

export const addMemory = defineTool({
  name: 'add_memory',
  title: 'Add memory',
  description:
    'Remembers messages of a conversation, at the end of its session. Call it after each turn, with what the user said and what you answered. Creates the session if it is not there. A deleted one comes back without its old messages, which restore_session can put back.',
  toolset: 'memory',
  // Not idempotent: without uuids from the caller, every call adds messages.
  hints: ADDS,
  input: z.strictObject({
    session_id: sessionId.meta({
      description: `The session, new or not: ${OF_YOUR_CHOOSING}`,
    }),
    user_id: userId
      .optional()
      .meta({ description: 'The user whose session this is or becomes; must exist already.' }),
    messages,
  }),
  output: z.strictObject({
    session: session.pick({
      session_id: true,
      uuid: true,
      message_count: true,
      last_message_at: true,
    }),
    messages: z.array(
      z.strictObject({
        uuid: z.string(),
        seq: z.int(),
        status: z.enum(['created', 'updated']),
      }),
    ),
    created: z.boolean().optional().meta({ description: 'The session is new.' }),
    revived: z.boolean().optional().meta({ description: 'The session was deleted until now.' }),
    deleted_message_count: z
      .int()
      .optional()
      .meta({ description: 'How many of its messages stay deleted.' }),
    purge_at: timestamp
      .optional()
      .meta({ description: 'When the first of these are gone for good.' }),
    ...adviceResult,
  }),
  async run(args, { caller, memory, offers }) {
    const added = await memory.add(caller, args.session_id, args.messages, args.user_id);
    const { session_id, uuid, message_count, last_message_at } = added.session;
    const { revival, summaryBacklog } = added;
    const advice = [
      ...(revival !== undefined && offers('restore_session') ? [revivalAdvice(revival)] : []),
      ...(summaryBacklog !== undefined && offers('set_summary')
        ? [summaryAdvice(summaryBacklog)]
        : []),
    ].filter((text) => text !== undefined);
    return {
      session: {
        session_id,
        uuid,
        message_count,
        ...(last_message_at !== undefined && { last_message_at }),
      },
      messages: added.messages,
      ...(added.created && { created: true }),
      ...(revival !== undefined && { revived: true, ...revival }),
      ...(advice.length > 0 && { advice: advice.join(' ') }),
    };
  },
});
