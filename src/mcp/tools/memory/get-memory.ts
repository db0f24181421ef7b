import { z } from 'zod';
import { sessionId, summary } from '../../../domain/records.ts';
import { WINDOW_DEFAULT } from '../../../services/append.ts';
import { CONTEXT_TOKENS_DEFAULT } from '../../../services/context/index.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { context, showContext, UNAVAILABLE_CONTEXT } from '../../answer/context.ts';
import { uncoveredAdvice } from '../../answer/facts-advice.ts';
import {
  briefSession,
  showBriefly,
  showConversation,
  shownMessage,
} from '../../answer/shown-records.ts';
import { adviceResult, OUTDATED_SUMMARY, summaryAdvice } from '../../answer/summary-advice.ts';
import { defineTool, READS } from '../../tool.ts';

const MAX_LAST_N = 200;
const MAX_CONTEXT_TOKENS = 8000;

export const getMemory = defineTool({
  name: 'get_memory',
  title: 'Get memory',
  description:
    'Returns what is needed to go on with a conversation: its newest summary, the last messages, with all that the summary does not cover, and, for a session of a user, what was said in their other sessions about the same things. Call it at the start of a conversation that continues an earlier one. list_messages reads the older messages.',
  toolset: 'memory',
  hints: READS,
  input: z.strictObject({
    session_id: sessionId,
    last_n: z
      .int()
      .min(1)
      .max(MAX_LAST_N)
      .optional()
      .meta({ description: `How many of the last messages; ${WINDOW_DEFAULT} if left out.` }),
    max_tokens: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'Only the newest messages that fit, by estimated tokens.' }),
    context_tokens: z
      .int()
      .min(0)
      .max(MAX_CONTEXT_TOKENS)
      .optional()
      .meta({
        description: `How much of the user's other sessions; ${CONTEXT_TOKENS_DEFAULT} if left out, 0 for none.`,
      }),
  }),
  output: z.strictObject({
    session: briefSession,
    summary: summary.optional(),
    messages: z.array(shownMessage),
    older_message_count: z.int().meta({ description: 'Messages before the first one returned.' }),
    omitted_message_count: z
      .int()
      .optional()
      .meta({ description: 'How many of them were asked for and did not fit.' }),
    context: context.optional(),
    ...adviceResult,
  }),
  async run({ session_id, ...options }, { caller, memory, facts, offers }) {
    const found = await memory.get(caller, session_id, options);
    const uncovered = offers('add_facts') ? await facts.uncoveredOnce(caller, found.session) : [];
    const { omitted_message_count, summaryBacklog, context: relevant, ...answer } = found;
    const isOutdated = answer.summary?.covers_deleted_messages === true;
    const advice = [
      ...(relevant?.unavailable ? [UNAVAILABLE_CONTEXT] : []),
      ...(isOutdated && offers('set_summary') ? [OUTDATED_SUMMARY] : []),
      ...(summaryBacklog !== undefined && offers('set_summary')
        ? [summaryAdvice(summaryBacklog)]
        : []),
      ...(uncovered.length > 0 ? [uncoveredAdvice(uncovered)] : []),
    ];
    return {
      ...answer,
      session: showBriefly(TOOL_ANSWER.record(answer.session)),
      messages: showConversation(answer.messages),
      ...(omitted_message_count > 0 && { omitted_message_count }),
      ...showContext(relevant),
      ...(advice.length > 0 && { advice: advice.join(' ') }),
    };
  },
});
