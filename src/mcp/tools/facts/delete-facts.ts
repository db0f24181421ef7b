import { z } from 'zod';
import { factUuids } from '../../../domain/facts.ts';
import { timestamp, userId } from '../../../domain/records.ts';
import { DELETES, defineTool } from '../../tool.ts';

export const deleteFacts = defineTool({
  name: 'delete_facts',
  title: 'Delete facts',
  description:
    'Soft-deletes facts that were wrong or are to be forgotten. restore_facts brings them back. A fact that held and no longer does is better ended with update_fact.',
  toolset: 'facts',
  hints: DELETES,
  input: z.strictObject({
    user_id: userId,
    uuids: factUuids.meta({ description: 'The facts, by their uuids.' }),
  }),
  output: z.strictObject({ deleted_count: z.int(), purge_at: timestamp.optional() }),
  async run({ user_id, uuids }, { caller, facts }) {
    const { count, purge_at } = await facts.delete(caller, user_id, uuids);
    return { deleted_count: count, ...(purge_at !== undefined && { purge_at }) };
  },
});
