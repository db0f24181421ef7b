import { z } from 'zod';
import { sessionId, userId } from '../../domain/records.ts';
import { HITS_DEFAULT } from '../../services/search/index.ts';
import { RestError } from '../errors.ts';
import { defineRoute } from '../route.ts';
import {
  findMessages,
  findSummaries,
  searchConditions,
  searchFields,
  searchQuery,
} from '../search.ts';
import { summary, toSummary } from '../summaries.ts';
import { message, toMessage } from './records.ts';

export const SEARCH_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v2/sessions/search',
    summary: 'Search the messages or summaries of sessions.',
    toolset: 'memory',
    reads: true,
    request: {
      query: searchQuery,
      body: z.object({
        ...searchFields,
        user_id: userId.optional(),
        session_ids: z.array(sessionId).optional(),
        search_scope: z.enum(['messages', 'summary', 'facts']).optional(),
        min_score: z.number().optional(),
        record_filter: searchConditions.optional(),
      }),
    },
    status: 200,
    answer: z.object({
      results: z.array(
        z.object({
          message: message.optional(),
          summary: summary.optional(),
          score: z.number().meta({ description: 'From 0 to 1: the share of the best result.' }),
          session_id: z.string(),
        }),
      ),
    }),
    async run({ query: { limit = HITS_DEFAULT }, body }, context) {
      const { search_scope, min_score = 0, record_filter: conditions, ...wanted } = body;
      if (search_scope === 'facts') {
        throw new RestError(
          'INVALID_ARGUMENT',
          'search_scope: facts are searched with POST /api/v2/graph/search.',
        );
      }
      const search = { ...wanted, conditions, limit };
      if (search_scope === 'summary') {
        const found = await findSummaries(context, search);
        const results = await Promise.all(
          found.map(async ({ session, summary, score }) => ({
            summary: await toSummary(context, session, summary),
            score,
            session_id: session.session_id,
          })),
        );
        return { results: results.filter(({ score }) => score >= min_score) };
      }
      const found = await findMessages(context, search);
      const results = found.map(({ hit, score }) => ({
        ...{ message: toMessage(hit.message), score, session_id: hit.session.session_id },
      }));
      return { results: results.filter(({ score }) => score >= min_score) };
    },
  }),
];
