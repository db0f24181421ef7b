import { z } from 'zod';
import { entity, entityName } from '../../../domain/facts.ts';
import { userId } from '../../../domain/records.ts';
import { showFact, shownFact } from '../../answer/facts.ts';
import { pageArguments, pageResults } from '../../pagination.ts';
import { defineTool, READS } from '../../tool.ts';

export const getEntity = defineTool({
  name: 'get_entity',
  title: 'Get entity',
  description: 'Returns a person, place or thing that facts about a user name, with these facts.',
  toolset: 'facts',
  hints: READS,
  input: z.strictObject({
    user_id: userId,
    name: entityName,
    include_ended: z.boolean().optional(),
    limit: pageArguments.limit,
    cursor: pageArguments.cursor,
  }),
  output: z.strictObject({
    entity,
    facts: z.array(shownFact),
    next_cursor: pageResults.next_cursor,
  }),
  async run({ user_id, name, ...query }, { caller, facts }) {
    const found = await facts.getEntity(caller, user_id, { name }, query);
    return { ...found, facts: found.facts.map(showFact) };
  },
});
