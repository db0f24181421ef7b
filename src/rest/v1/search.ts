import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { HITS_DEFAULT } from '../../services/search/index.ts';
import { sessionPath } from '../parameters.ts';
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
    path: '/api/v1/sessions/{session_id}/search',
    summary: "Search a session's messages, or its summary.",
    toolset: 'memory',
    reads: true,
    request: {
      path: sessionPath,
      query: searchQuery,
      body: z.object({
        ...searchFields,
        search_scope: z.enum(['messages', 'summary']).optional(),
        metadata: searchConditions.optional(),
      }),
    },
    status: 200,
    answer: z.array(
      z.object({
        message: message.nullable(),
        summary: summary.nullable(),
        metadata: metadata('Always empty.'),
        dist: z.number().meta({ description: 'From 0 to 1: the share of the best result.' }),
      }),
    ),
    async run({ path, query: { limit = HITS_DEFAULT }, body }, context) {
      const { search_scope, metadata: conditions, ...wanted } = body;
      const search = { ...wanted, conditions, limit, session_ids: [path.session_id] };
      if (search_scope === 'summary') {
        const found = await findSummaries(context, search);
        return Promise.all(
          found.map(async ({ session, summary, score }) => ({
            message: null,
            summary: await toSummary(context, session, summary),
            metadata: {},
            dist: score,
          })),
        );
      }
      const found = await findMessages(context, search);
      return found.map(({ hit, score }) => ({
        ...{ message: toMessage(hit.message), summary: null, metadata: {}, dist: score },
      }));
    },
  }),
];
