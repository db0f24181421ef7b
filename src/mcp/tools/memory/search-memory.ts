import { z } from 'zod';
import { metadata } from '../../../domain/metadata.ts';
import { message, role, sessionId, time, userId } from '../../../domain/records.ts';
import { HITS_DEFAULT } from '../../../services/search/index.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { searchAdvice } from '../../answer/search-advice.ts';
import { briefSession, showBriefly, showHit, shownHit } from '../../answer/shown-records.ts';
import { pageArguments, pageResults } from '../../pagination.ts';
import { defineTool, READS } from '../../tool.ts';

const HITS_MAX = 100;
const QUERY_MAX_LENGTH = 20_000;
const NEIGHBOURS_MAX = 5;

/** The messages before and after a hit, with their roles. */
const neighbour = message.pick({ uuid: true, seq: true, role: true, content: true });

export const searchMemory = defineTool({
  name: 'search_memory',
  title: 'Search memory',
  description:
    'Finds messages by the words that they have, in one session, in all sessions of one user, or everywhere. Ask a question or name key words that were likely said, in any language. Use it when something was said before and you do not know where. Deleted sessions are not searched.',
  toolset: 'memory',
  hints: READS,
  input: z.strictObject({
    query: z
      .string()
      .min(1)
      .max(QUERY_MAX_LENGTH)
      .meta({ description: 'What to look for. There are no operators: every word counts.' }),
    session_id: sessionId.optional().meta({ description: 'Only in this session.' }),
    user_id: userId.optional().meta({ description: 'Only in sessions of this user.' }),
    limit: z
      .int()
      .min(1)
      .max(HITS_MAX)
      .optional()
      .meta({ description: `How many hits; ${HITS_DEFAULT} if left out.` }),
    roles: z
      .array(role)
      .min(1)
      .max(20)
      .optional()
      .meta({ description: 'Only messages of these roles.' }),
    metadata: metadata('Only messages whose metadata has all of this.').optional(),
    since: time('start').optional().meta({
      description: 'Only messages from this time on, such as 2026-01-31T12:00:00Z or 2026-01-31.',
    }),
    until: time('end').optional().meta({ description: 'Only messages up to this time.' }),
    neighbours: z
      .int()
      .min(0)
      .max(NEIGHBOURS_MAX)
      .optional()
      .meta({ description: 'Also return so many messages before and after each hit.' }),
    diverse: z
      .boolean()
      .optional()
      .meta({ description: 'Put hits that say the same further back, in mode hybrid.' }),
    cursor: pageArguments.cursor,
  }),
  output: z.strictObject({
    hits: z.array(
      z.strictObject({
        score: z.number().meta({ description: 'Comparable within one search only.' }),
        message: shownHit,
        found_by: z.enum(['neighbours']).optional(),
        before: z.array(neighbour).optional(),
        after: z.array(neighbour).optional(),
      }),
    ),
    sessions: z.array(briefSession).meta({ description: 'The sessions that the hits are in.' }),
    next_cursor: pageResults.next_cursor,
    considered_count: z.int().meta({ description: 'How many messages were ranked.' }),
    mode: z
      .enum(['lexical', 'hybrid'])
      .meta({ description: 'lexical: words were compared. hybrid: words and meaning.' }),
    advice: z
      .string()
      .optional()
      .meta({ description: 'What was not considered, and how to get at it.' }),
  }),
  async run(input, { caller, search, offers }) {
    const { hits, notes, ...result } = await search.search(caller, input);
    const advice = searchAdvice(notes, offers);
    const sessions = new Map(hits.map(({ session }) => [session.uuid, session]));
    return {
      // First: it may say that the hits have other words than the query.
      ...(advice !== undefined && { advice }),
      hits: hits.map(({ session: _, message, ...hit }) => ({ ...hit, message: showHit(message) })),
      sessions: [...sessions.values()].map((one) => showBriefly(TOOL_ANSWER.record(one))),
      ...result,
    };
  },
});
