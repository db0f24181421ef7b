import { beforeAll, describe, expect, it } from 'vitest';
import field from '../support/field-conversations.json' with { type: 'json' };
import { harness } from '../support/stores.ts';
import own from '../support/word-conversations.json' with { type: 'json' };
import { describeStores } from './describe-stores.ts';

/** In these, two messages say the same: which is first is left to the ranking. */
const EQUAL = new Set(['de Vertrag', 'es nino', 'es reunión']);

/**
 * Conversations of the field and of our own, in many languages and kinds of words, with questions. `seq`
 * is the message that must be the first hit.
 */
describeStores('a search by words puts first what was meant', (under) => {
  for (const [name, { messages, queries }] of Object.entries({ ...field, ...own })) {
    describe(`in the conversation ${name}`, () => {
      const caller = { namespace: `words-${name}` };
      beforeAll(async () => {
        await harness(under.store).memory.add(caller, name, messages);
      });

      it.each(queries.filter(({ query }) => !EQUAL.has(`${name} ${query}`)))(
        '$query',
        async ({ query, seq }) => {
          const { hits } = await harness(under.store).search.search(caller, { query });
          expect(hits[0]?.message.seq).toBe(seq);
        },
      );
    });
  }
});
