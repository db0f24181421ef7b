import { randomUUID } from 'node:crypto';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageList } from '../../../src/services/memory.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../support/observed-store.ts';
import { explained } from '../../support/query-plan.ts';
import { numberedMessages } from '../../support/records.ts';

const caller = { namespace: 'n' };

afterAll(closeObserved);

/** What reading a session's messages costs. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('uses', () => {
    it('no more of what is read than is shown', async () => {
      const at = openObserved(replicaSet);
      await at.memory.add(caller, 'long', numberedMessages(320));
      const replies: Document[] = [];
      const listen = ({ reply }: { reply: unknown }) => replies.push(reply as Document);
      at.client.on('commandSucceeded', listen);
      await at.memory.list(caller, 'long', { order: 'asc', limit: 10 });
      at.client.off('commandSucceeded', listen);
      const rows: Document[] = replies[0]?.cursor.firstBatch;
      expect(rows.map(({ session }) => session !== undefined)).toStrictEqual([true, false, false]);
      expect(rows.flatMap(({ messages }) => messages)).toHaveLength(10);
      expect(JSON.stringify(rows)).not.toContain('"terms"');
    });
  });

  describe('explains', () => {
    let at: Observed;
    beforeAll(async () => {
      at = openObserved(replicaSet);
      await at.memory.add(caller, 'talk', numberedMessages(500));
    });

    it.each<[string, number, () => Promise<unknown>]>([
      ['get_memory', 24, () => at.memory.get(caller, 'talk')],
      ['the first page of list_messages', 11, () => page({ limit: 10 })],
      ['a page in the middle', 11, () => page({ limit: 10, from_seq: 250 })],
      ['a page by number', 11, () => page({ page_size: 10, page_number: 25 })],
      ['a page from the end', 11, () => page({ limit: 10, order: 'desc' })],
    ])('%s as one range of %i keys beside the session', async (_, keys, work) => {
      const plan = await explained(at, work);
      expect(plan.stages).not.toContain('COLLSCAN');
      expect(plan.stages).not.toContain('SORT');
      expect(plan.keysExamined).toBeLessThanOrEqual(1 + keys);
      expect(plan.docsExamined).toBeLessThanOrEqual(1 + keys);
    });

    it('appending by indexes only', async () => {
      const uuid = randomUUID();
      const messages = [{ uuid, role: 'user', content: 'x' }];
      const plan = await explained(at, () => at.memory.add(caller, 'talk', messages));
      expect(plan.stages).not.toContain('COLLSCAN');
      expect(plan.keysExamined).toBeLessThanOrEqual(3);
    });

    const page = (list: Partial<MessageList>) =>
      at.memory.list(caller, 'talk', { order: 'asc', ...list });
  });
});
