import { z } from 'zod';
import { entityName } from '../../../domain/facts.ts';
import { text } from '../../../domain/identifiers.ts';
import { time, userId } from '../../../domain/records.ts';
import { INCLUDE_ENDED, showFact, shownFact } from '../../answer/facts.ts';
import { pageArguments, pageResults } from '../../pagination.ts';
import { defineTool, READS } from '../../tool.ts';

const QUERY_MAX_BYTES = 8192;

export const searchFacts = defineTool({
  name: 'search_facts',
  title: 'Search facts',
  description:
    'Finds facts about a user by their words, the best first, or lists them, the newest first. Only those that hold now, unless another time is asked for.',
  toolset: 'facts',
  hints: READS,
  input: z.strictObject({
    user_id: userId,
    query: text('The query', 1, QUERY_MAX_BYTES)
      .optional()
      .meta({ description: 'Words to look for.' }),
    entity: entityName.optional().meta({ description: 'Only facts about it, by name.' }),
    as_of: time('end').optional().meta({ description: 'Facts that held then.' }),
    include_ended: z.boolean().optional().meta({ description: INCLUDE_ENDED }),
    limit: pageArguments.limit,
    cursor: pageArguments.cursor,
  }),
  output: z.strictObject({
    facts: z.array(shownFact),
    next_cursor: pageResults.next_cursor,
    advice: pageResults.advice,
  }),
  async run({ user_id, ...query }, { caller, facts }) {
    const page = await facts.search(caller, user_id, query);
    return { ...page, facts: page.facts.map(showFact) };
  },
});
