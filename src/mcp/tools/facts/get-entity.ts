import { z } from 'zod';
import { entityName } from '../../../domain/facts.ts';
import { userId } from '../../../domain/records.ts';
import { INCLUDE_ENDED, showEntity, showFact, shownEntity, shownFact } from '../../answer/facts.ts';
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
    include_ended: z.boolean().optional().meta({ description: INCLUDE_ENDED }),
    limit: pageArguments.limit,
    cursor: pageArguments.cursor,
  }),
  output: z.strictObject({
    entity: shownEntity,
    facts: z.array(shownFact),
    next_cursor: pageResults.next_cursor,
    advice: pageResults.advice,
  }),
  async run({ user_id, name, ...query }, { caller, facts }) {
    const { entity, ...page } = await facts.getEntity(caller, user_id, { name }, query);
    return { entity: showEntity(entity), ...page, facts: page.facts.map(showFact) };
  },
});
