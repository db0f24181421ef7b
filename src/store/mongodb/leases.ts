import type { Document } from 'mongodb';
import type { JsonObject } from '../../domain/metadata.ts';
import type { LeaseStore } from '../lease-port.ts';
import { isDuplicateKey } from './connection/errors.ts';
import type { Connection } from './connection/index.ts';
import { type LeaseDocument, leasesOf } from './documents.ts';

/** When a lease ends that is taken now: by the database's clock, so that those of servers do not matter. */
const endsIn = (ttlMs: number): Document => ({
  $dateAdd: { startDate: '$$NOW', unit: 'millisecond', amount: ttlMs },
});

/** The collection of leases. */
export function mongoLeases(connection: Connection): LeaseStore {
  /** One update, which leaves the lease with another holder as it is. */
  const take = (name: string, holder: string, ttlMs: number): Promise<LeaseDocument | null> =>
    connection.run(({ db }) => {
      const isFree = {
        $or: [
          { $eq: [{ $ifNull: ['$holder', null] }, null] },
          { $eq: ['$holder', { $literal: holder }] },
          { $lte: ['$expires_at', '$$NOW'] },
        ],
      };
      const ifFree = (value: unknown, field: string) => ({ $cond: [isFree, value, field] });
      const fields = {
        holder: ifFree({ $literal: holder }, '$holder'),
        expires_at: ifFree(endsIn(ttlMs), '$expires_at'),
        state: { $ifNull: ['$state', '{}'] },
      };
      const options = { upsert: true, returnDocument: 'after' } as const;
      const attempt = () =>
        leasesOf(db).findOneAndUpdate({ _id: name }, [{ $set: fields }], options);
      return attempt().catch((error: unknown) => {
        // Another server has created it at the same time.
        if (!isDuplicateKey(error)) throw error;
        return attempt();
      });
    });

  return {
    async take(name, holder, ttlMs) {
      const taken = await take(name, holder, ttlMs);
      return taken?.holder === holder ? stateOf(taken) : undefined;
    },

    save: (name, holder, ttlMs, state) =>
      connection.run(async ({ db }) => {
        const { matchedCount } = await leasesOf(db).updateOne({ _id: name, holder }, [
          { $set: { state: { $literal: JSON.stringify(state) }, expires_at: endsIn(ttlMs) } },
        ]);
        return matchedCount === 1;
      }),

    release: (name, holder) =>
      connection.run(async ({ db }) => {
        await leasesOf(db).updateOne({ _id: name, holder }, { $unset: { holder: true } });
      }),

    look: (name) =>
      connection.run(async ({ db }) => {
        const [found] = await leasesOf(db)
          .aggregate<LeaseDocument & { is_held: boolean }>([
            { $match: { _id: name } },
            { $set: { is_held: { $gt: ['$expires_at', '$$NOW'] } } },
          ])
          .toArray();
        if (found === undefined) return undefined;
        const { holder, is_held } = found;
        return { state: stateOf(found), ...(is_held && holder !== undefined && { holder }) };
      }),
  };
}

const stateOf = ({ state }: LeaseDocument): JsonObject => JSON.parse(state);
