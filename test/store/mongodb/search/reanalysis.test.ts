import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ANALYSIS_VERSION } from '../../../../src/search/analyzer.ts';
import { messagesOf } from '../../../../src/store/mongodb/documents.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import type { StoreOptions } from '../../../support/stores.ts';

const caller = { namespace: 'n' };
const MESSAGES = 45;

describe.skipIf(replicaSet === null)(
  `a database whose messages an older version of the server analysed${skipReason}`,
  () => {
    let writer: Observed;

    /** Another process, on the same database. */
    const open = (options: StoreOptions = {}) =>
      openObserved(replicaSet, { ...options, database: writer.db.databaseName });
    const search = (at: Observed, query = 'hôtel') =>
      at.search.search(caller, { query, limit: 50 });
    const isOld = async (at: Observed) => (await search(at)).advice?.includes('indexed anew');
    const done = (at: Observed) =>
      vi.waitFor(async () => expect(await isOld(at)).not.toBe(true), 10_000);
    const versions = () => messagesOf(writer.db).distinct('analysis');

    beforeEach(async () => {
      writer = openObserved(replicaSet);
      const messages = Array.from({ length: MESSAGES }, (_, i) => `L'hôtel numéro ${i}`);
      await writer.memory.add(
        caller,
        's',
        messages.map((content) => ({ role: 'user', content })),
      );
      const old = { $set: { terms: ['old'] }, $unset: { analysis: '' as const } };
      await messagesOf(writer.db).updateMany({}, old);
    });
    afterAll(closeObserved);

    it('is analysed anew in the background, by several processes, and a search says so until then', async () => {
      const servers = [open(), open()];
      expect(await isOld(servers[0] as Observed)).toBe(true);
      for (const server of servers) {
        await done(server);
        expect((await search(server)).hits).toHaveLength(MESSAGES);
        expect((await search(server, 'old')).hits).toHaveLength(0);
      }
      expect(await versions()).toStrictEqual([ANALYSIS_VERSION]);
    });

    it('stays as it is while only commands and read-only servers use it', async () => {
      const [reader, command] = [open({ kind: 'reader' }), open({ kind: 'command' })];
      expect(await isOld(reader)).toBe(true);
      await command.store.ping();
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await messagesOf(writer.db).countDocuments({ terms: 'old' })).toBe(MESSAGES);
    });

    it('keeps the terms of a newer version', async () => {
      await messagesOf(writer.db).updateMany({}, { $set: { analysis: ANALYSIS_VERSION + 1 } });
      expect((await search(open(), 'old')).hits).toHaveLength(MESSAGES);
      expect(await versions()).toStrictEqual([ANALYSIS_VERSION + 1]);
    });

    it('finds what is old by an index', async () => {
      const plan = await messagesOf(writer.db)
        .find({ analysis: { $in: [null, 1] } } as object)
        .limit(1)
        .explain('queryPlanner');
      expect(JSON.stringify(plan)).toContain('IXSCAN');
    });
  },
);
