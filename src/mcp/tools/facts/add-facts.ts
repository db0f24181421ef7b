import { z } from 'zod';
import {
  entityName,
  FACTS_PER_CALL,
  factText,
  factUuid,
  predicate,
} from '../../../domain/facts.ts';
import { messageUuid, sessionId, time, userId } from '../../../domain/records.ts';
import { showAddition, shownAddition } from '../../answer/facts.ts';
import { ADDS, defineTool } from '../../tool.ts';

const SOURCES_MAX = 20;

const newFact = z.strictObject({
  subject: entityName.meta({ description: 'Whom or what it is about, by name.' }),
  predicate: predicate.meta({ description: 'How they relate, such as LIVES_IN.' }),
  object: entityName,
  fact: factText.meta({ description: 'The fact as a sentence that stands alone.' }),
  valid_at: time().optional().meta({ description: 'Since when it holds, if that was said.' }),
  invalid_at: time('end').optional().meta({ description: 'Until when it holds.' }),
  supersedes: z
    .array(factUuid)
    .max(FACTS_PER_CALL)
    .optional()
    .meta({ description: 'The uuids of facts that end with it.' }),
});

export const addFacts = defineTool({
  name: 'add_facts',
  title: 'Add facts',
  description:
    'Remembers facts about a user, apart from any session: who they are, what they like, have and do. What is known already stays one fact. The answer names facts that may contradict a new one: end those that no longer hold by supersedes, or update_fact.',
  toolset: 'facts',
  hints: ADDS,
  input: z
    .strictObject({
      user_id: userId,
      facts: z
        .array(newFact)
        .max(FACTS_PER_CALL)
        .meta({ description: `Up to ${FACTS_PER_CALL}; none if the source says none.` }),
      source: z
        .strictObject({
          session_id: sessionId,
          uuids: z.array(messageUuid).min(1).max(SOURCES_MAX),
        })
        .optional()
        .meta({ description: 'The messages that say them.' }),
    })
    .refine(({ facts, source }) => facts.length > 0 || source !== undefined, {
      path: ['facts'],
      message: 'give at least one fact, or the source that has none',
    }),
  output: shownAddition,
  run: async ({ user_id, facts: given, source }, { caller, facts }) =>
    showAddition(await facts.add(caller, user_id, given, source)),
});
