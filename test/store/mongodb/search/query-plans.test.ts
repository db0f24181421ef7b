import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchScope } from '../../../../src/store/search-port.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import { explained } from '../../../support/query-plan.ts';
import { numberedMessages, userRecord } from '../../../support/records.ts';

const caller = { namespace: 'n' };

afterAll(closeObserved);

/** Which indexes the reads of a search use, and how much of them. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('explains', () => {
    let at: Observed;
    beforeAll(async () => {
      at = openObserved(replicaSet);
      await at.store.users.insert('n', userRecord('u'));
      await at.memory.add(caller, 'talk', numberedMessages(500));
    });

    describe('of what is newest in a scope the beginning of one stretch:', () => {
      beforeAll(async () => {
        await at.sessions.add(caller, { session_id: 'wordy', user_id: 'u' });
        for (const [n, session] of ['wordy', 'nobodys'].entries()) {
          const many = Array.from({ length: 700 }, (_, i) => {
            const created_at = new Date(Date.UTC(2024, 0, 1) + 2 * i + n).toISOString();
            return { role: 'user', content: 'common word', created_at };
          });
          await at.memory.add(caller, session, many);
        }
        const { messages } = await at.store.vectors.unembedded('m', undefined, 2000);
        const vector = new Uint8Array(4);
        for (let done = 0; done < messages.length; done += 100) {
          const some = messages.slice(done, done + 100);
          await at.store.vectors.put(
            'm',
            some.map((message) => ({ ...message, digest: 'd', vector })),
          );
        }
      });

      const terms = { terms: ['common'], also: [], limit: 50 };
      const vectors = { model: 'm', limit: 50 };
      const scopes: [string, SearchScope][] = [
        ['a session', { session_id: 'wordy' }],
        ['a user', { user_id: 'u' }],
        ['the namespace', {}],
      ];

      it.each(
        scopes.flatMap(([where, scope]): [string, string, () => Promise<unknown>][] => [
          ['messages with a word', where, () => at.store.search.candidates('n', scope, terms)],
          ['vectors', where, () => at.store.vectors.newest('n', scope, vectors)],
        ]),
      )('%s, in %s', async (_, where, look) => {
        const plan = await explained(at, look);
        expect(plan.stages).toContain('IXSCAN');
        expect(plan.stages).not.toContain('COLLSCAN');
        expect(plan.stages).not.toContain('SORT');
        // As many as are wanted, one to see whether there are more, and the sessions that they are in.
        // Between two identifiers, the index has one key more.
        const sessions = where === 'the namespace' ? 3 : 1;
        expect(plan.keysExamined).toBeLessThanOrEqual(51 + sessions);
        expect(plan.docsExamined).toBeLessThanOrEqual(51 + sessions);
      });
    });
  });
});
