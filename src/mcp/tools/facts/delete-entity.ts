import { z } from 'zod';
import { entityName } from '../../../domain/facts.ts';
import { timestamp, userId } from '../../../domain/records.ts';
import { DELETES, defineTool } from '../../tool.ts';

export const deleteEntity = defineTool({
  name: 'delete_entity',
  title: 'Delete entity',
  description:
    'Soft-deletes a person, place or thing with the facts about it. restore_facts brings them back by the uuids of the answer.',
  toolset: 'facts',
  hints: DELETES,
  input: z.strictObject({ user_id: userId, name: entityName }),
  output: z.strictObject({
    name: z.string(),
    uuids: z.array(z.string()).meta({ description: 'All that is deleted by this call.' }),
    purge_at: timestamp.optional(),
    advice: z.string().optional(),
  }),
  async run({ user_id, name }, { caller, facts }) {
    const deleted = await facts.deleteEntity(caller, user_id, { name });
    return {
      ...{ name: deleted.entity.name, uuids: deleted.uuids },
      ...(deleted.purge_at !== undefined && { purge_at: deleted.purge_at }),
      ...(!deleted.isComplete && {
        advice: 'There are more facts about it: repeat the call until this advice is gone.',
      }),
    };
  },
});
