import { z } from 'zod';
import { messageUuids, userId } from '../../../domain/records.ts';
import { defineTool, RESTORES } from '../../tool.ts';

export const restoreFacts = defineTool({
  name: 'restore_facts',
  title: 'Restore facts',
  description: 'Undoes the deletion of facts or entities, by their uuids.',
  toolset: 'facts',
  hints: RESTORES,
  input: z.strictObject({
    user_id: userId,
    uuids: messageUuids.meta({ description: 'The facts or entities, by their uuids.' }),
  }),
  output: z.strictObject({ restored_count: z.int() }),
  async run({ user_id, uuids }, { caller, facts }) {
    const { count } = await facts.restore(caller, user_id, uuids);
    return { restored_count: count };
  },
});
