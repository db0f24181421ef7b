import { z } from 'zod';
import { factText, factUuid } from '../../../domain/facts.ts';
import { time, userId } from '../../../domain/records.ts';
import { showFact, shownFact } from '../../answer/facts.ts';
import { defineTool, REPLACES } from '../../tool.ts';

export const updateFact = defineTool({
  name: 'update_fact',
  title: 'Update fact',
  description:
    'Corrects a fact: its sentence, or the times since and until which it holds. A fact that has ended gets invalid_at; it stays findable for its time.',
  toolset: 'facts',
  hints: REPLACES,
  input: z.strictObject({
    user_id: userId,
    uuid: factUuid.meta({ description: 'The fact, by its uuid.' }),
    fact: factText.optional(),
    valid_at: time().nullable().optional().meta({ description: 'null removes it.' }),
    invalid_at: time('end').nullable().optional().meta({ description: 'null removes it.' }),
  }),
  output: z.strictObject({ fact: shownFact }),
  run: async ({ user_id, uuid, ...update }, { caller, facts }) => ({
    fact: showFact(await facts.update(caller, user_id, uuid, update)),
  }),
});
