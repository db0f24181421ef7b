import type { Db, Document } from 'mongodb';
import { ANALYSIS_VERSION } from '../../../search/analyzer.ts';
import { type AnalysedMessages, OLDER_VERSIONS } from '../../reanalysis.ts';
import type { Connection } from '../connection/index.ts';
import { type MessageDocument, messagesOf } from '../documents.ts';

/** A message without a version is of the first analysis. */
const OUTDATED = { analysis: { $in: [null, ...OLDER_VERSIONS] } };

/** What selects a message as it was read: its shard, its place, and that it was not replaced since. */
const KEY = { namespace: 1, session_id: 1, session_uuid: 1, seq: 1, updated_at: 1 } as const;

type Outdated = Pick<MessageDocument, '_id' | 'role' | 'content' | keyof typeof KEY>;

const find = (db: Db, limit: number) =>
  messagesOf(db)
    .find(OUTDATED as object)
    .limit(limit)
    .batchSize(limit + 1)
    .project<Outdated>({ ...KEY, role: 1, content: 1 })
    .toArray();

/** Whether some messages have terms of an older analysis. */
export async function hasOutdatedMessages(db: Db): Promise<boolean> {
  return (await messagesOf(db).findOne(OUTDATED as object, { projection: { _id: 1 } })) !== null;
}

/** The terms of a message as an expression: those of a deleted one are in a field without an index. */
function newTerms(terms: readonly string[]): Document {
  const isDeleted = { $gt: ['$deleted_at', null] };
  const literal = { $literal: terms };
  return {
    analysis: ANALYSIS_VERSION,
    terms: { $cond: [isDeleted, [], literal] },
    deleted_terms: { $cond: [isDeleted, literal, '$$REMOVE'] },
  };
}

/** Messages of the database whose terms are of an older analysis. */
export function mongoOutdatedMessages(connection: Connection): AnalysedMessages<Outdated> {
  return {
    outdated: (limit) => connection.run(({ db }) => find(db, limit)),

    async update(analysed) {
      const updates = analysed.map(({ message: { role: _, content: __, ...key }, terms }) => ({
        updateOne: {
          filter: { ...key, ...OUTDATED } as object,
          update: [{ $set: newTerms(terms) }],
        },
      }));
      await connection.run(({ db }) => messagesOf(db).bulkWrite(updates, { ordered: false }));
    },
  };
}
