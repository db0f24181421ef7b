import { describe, expect } from 'vitest';
import { V1_CLIENTS, V2_CLIENTS } from '../support/zep-clients.ts';
import { runProgram } from '../support/zep-programs.ts';
import { describeZepServers, itWithEach } from '../support/zep-servers.ts';

const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
// Python shows a time that it has parsed, with a space in it.
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}/);

const ids = ['ada', ...Array.from({ length: 104 }, (_, number) => `user-${number}`)];
const newestFirst = ids.toReversed();
const inChunks = (list: readonly string[]) => [list.slice(0, 100), list.slice(100)];

const ADA = { user_id: 'ada', email: 'ada@example.com', first_name: 'Ada', last_name: 'Lovelace' };
const FREE = { plan: 'free', tags: ['a', 'b'] };
const PAID = { ...FREE, plan: 'paid' };

describeZepServers('the page on users', [...V1_CLIENTS, ...V2_CLIENTS], (server) => {
  describe('of the self-hosted edition', () => {
    itWithEach(V1_CLIENTS, 'gets the values of the page', async (client) => {
      const seen = await runProgram(client, 'v1/users', server.fresh());
      const fields = { uuid: UUID, id: expect.any(Number), created_at: TIME, updated_at: TIME };
      // The JavaScript client leaves out what is null.
      const none = client.language === 'Python' ? { deleted_at: null } : {};
      const user = { ...ADA, ...fields, ...none, metadata: FREE };
      const notFound = { error: 'NotFoundError', status: null };
      expect(seen).toStrictEqual({
        added: user,
        addedAgain: { error: 'APIError', status: 400 },
        got: user,
        updated: { ...user, email: 'countess@example.com', metadata: PAID },
        listed: ids.slice(1, 3),
        chunks: inChunks(ids),
        sessions: ['one', 'two'].map((session_id) => ({ session_id, user_id: 'ada' })),
        none: 0,
        deleted: 'OK',
        gone: notFound,
        sessionGone: notFound,
        memoryGone: [],
        unknownUpdated: notFound,
        unknownDeleted: notFound,
        collection: notFound,
      });
      expect(Number.isSafeInteger(seen.added.id)).toBe(true);
    });
  });

  describe('of the cloud edition', () => {
    itWithEach(V2_CLIENTS, 'gets the values of the page', async (client) => {
      const seen = await runProgram(client, 'v2/users', server.fresh());
      const inPython = client.language === 'Python';
      const common = { uuid: UUID, id: expect.any(Number), metadata: FREE };
      const user = inPython
        ? { ...ADA, ...common, created_at: TIME, updated_at: TIME }
        : {
            ...{ userId: 'ada', email: ADA.email, firstName: 'Ada', lastName: 'Lovelace' },
            ...{ ...common, createdAt: TIME, updatedAt: TIME },
          };
      const counts = inPython
        ? { total_count: 105, row_count: 2 }
        : { totalCount: 105, rowCount: 2 };
      const notFound = { error: 'NotFoundError', status: 404 };
      expect(seen).toStrictEqual({
        added: user,
        addedAgain: { error: 'BadRequestError', status: 400 },
        got: user,
        updated: { ...user, email: 'countess@example.com', metadata: PAID },
        chunks: expect.any(Array),
        listed: { ...counts, users: 2 },
        // zep-python 2.0.2 can read no list of a user's sessions that has any.
        sessions: client.module === 'zep_python' ? null : expect.any(Array),
        none: 0,
        deleted: 'OK',
        gone: notFound,
        sessionGone: notFound,
        memoryGone: notFound,
        unknownUpdated: notFound,
        unknownDeleted: notFound,
      });
      expect([inChunks(ids), inChunks(newestFirst)]).toContainEqual(seen.chunks);
      if (seen.sessions !== null) expect(seen.sessions.toSorted()).toStrictEqual(['one', 'two']);
    });
  });
});
