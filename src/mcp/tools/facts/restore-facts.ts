import { z } from 'zod';
import { factUuids } from '../../../domain/facts.ts';
import { userId } from '../../../domain/records.ts';
import { defineTool, RESTORES } from '../../tool.ts';

export const restoreFacts = defineTool({
  name: 'restore_facts',
  title: 'Restore facts',
  description: 'Brings back facts and entities that delete_facts or delete_entity has deleted.',
  toolset: 'facts',
  hints: RESTORES,
  input: z.strictObject({
    user_id: userId,
    uuids: factUuids.meta({ description: 'The facts or entities, by their uuids.' }),
  }),
  output: z.strictObject({ restored_count: z.int() }),
  async run({ user_id, uuids }, { caller, facts }) {
    const { count } = await facts.restore(caller, user_id, uuids);
    return { restored_count: count };
  },
});
