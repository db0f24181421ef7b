import { describe, expect } from 'vitest';
import { V1_CLIENTS, V2_CLIENTS } from '../support/zep-clients.ts';
import { runProgram } from '../support/zep-programs.ts';
import { describeZepServers, itWithEach } from '../support/zep-servers.ts';

const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const NESTED = { a: 1, b: 2 };
const MERGED = { foo: 'bar', qax: 'baz', nested: NESTED };

const crowd = Array.from({ length: 119 }, (_, number) => `crowd-${number}`);
const oldestFirst = ['first', ...crowd];
const newestFirst = oldestFirst.toReversed();
const inChunks = (ids: readonly string[]) => [ids.slice(0, 100), ids.slice(100)];

const NOT_FOUND = {
  v1: { error: 'NotFoundError', status: null },
  v2: refused('NotFoundError', 404),
};

function refused(error: string, status: number) {
  return { error, status };
}

describeZepServers('the page on sessions', [...V1_CLIENTS, ...V2_CLIENTS], (server) => {
  describe('of the self-hosted edition', () => {
    itWithEach(V1_CLIENTS, 'gets the values of the page', async (client) => {
      const seen = await runProgram(client, 'v1/sessions', server.fresh());
      const fields = {
        ...{ uuid: UUID, session_id: 'first', user_id: 'ada' },
        ...{ created_at: TIME, updated_at: TIME, deleted_at: null },
        // Only the Python client knows the number.
        ...(client.language === 'Python' && { id: expect.any(Number) }),
      };
      const metadata = { ...MERGED, sent: 'back' };
      const restored = { ...metadata, back: true };
      expect(seen).toStrictEqual({
        warnings: [],
        added: { ...fields, metadata: { foo: 'bar' } },
        addedAgain: refused('APIError', 400),
        updated: { foo: 'bar', qax: 'baz', nested: { a: 1 } },
        merged: MERGED,
        got: { ...fields, metadata },
        sentBack: metadata,
        listed: oldestFirst.slice(0, 10),
        listedFirst: { ...fields, metadata },
        last: oldestFirst.slice(115),
        chunks: inChunks(oldestFirst),
        deleted: 'OK',
        deletedAgain: NOT_FOUND.v1,
        gone: NOT_FOUND.v1,
        firstLeft: 'crowd-0',
        restored: { ...fields, metadata: restored },
        there: { ...fields, metadata: restored },
        unknown: NOT_FOUND.v1,
        unknownUpdated: NOT_FOUND.v1,
        unknownUser: refused('APIError', 400),
      });
      expect(seen.got.uuid).toBe(seen.added.uuid);
      expect(seen.there.created_at).toBe(seen.added.created_at);
      expect(seen.there.updated_at > seen.added.updated_at).toBe(true);
    });
  });

  describe('of the cloud edition', () => {
    itWithEach(V2_CLIENTS, 'gets the values of the page', async (client) => {
      const seen = await runProgram(client, 'v2/sessions', server.fresh());
      const inPython = client.language === 'Python';
      const session = (session_id: string, metadata: object) =>
        inPython
          ? {
              ...{ uuid: UUID, id: expect.any(Number), created_at: TIME, updated_at: TIME },
              ...{ session_id, user_id: 'ada', metadata },
            }
          : {
              ...{ uuid: UUID, id: expect.any(Number), createdAt: TIME, updatedAt: TIME },
              ...{ sessionId: session_id, userId: 'ada', metadata },
            };
      const counts = inPython
        ? { total_count: 120, response_count: 10 }
        : { totalCount: 120, responseCount: 10 };
      expect(seen).toStrictEqual({
        warnings: [],
        added: session('first', { foo: 'bar' }),
        addedAgain: refused('BadRequestError', 400),
        updated: { foo: 'bar', qax: 'baz', nested: { a: 1 } },
        merged: MERGED,
        got: session('first', MERGED),
        listed: { ...counts, sessions: newestFirst.slice(0, 10) },
        listedFirst: session('crowd-118', { number: 118 }),
        oldest: oldestFirst.slice(0, 3),
        chunks: inChunks(newestFirst),
        deleted: 'OK',
        deletedAgain: NOT_FOUND.v2,
        gone: NOT_FOUND.v2,
        memoryGone: NOT_FOUND.v2,
        back: ['again'],
        unknown: NOT_FOUND.v2,
        unknownUpdated: NOT_FOUND.v2,
        unknownUser: refused('BadRequestError', 400),
      });
      expect(seen.got.uuid).toBe(seen.added.uuid);
    });
  });
});
