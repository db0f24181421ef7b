import { ANALYSIS_VERSION } from '../../../search/analyzer.ts';
import type { AnalysedMessages, OutdatedMessage } from '../../reanalysis.ts';
import type { Connection } from '../connection/index.ts';
import type { Indexer } from './indexer.ts';

const OUTDATED = `SELECT id, role, content FROM messages WHERE analysis < ?
  ORDER BY analysis, id LIMIT CAST(? AS INTEGER)`;

/** Not if the message has been replaced since it was read. */
const UPDATE = `UPDATE messages SET terms = ?, analysis = ?
  WHERE id = ? AND analysis < ? AND role = ? AND content = ?`;

interface Outdated extends OutdatedMessage {
  id: number;
}

/** Messages of the file whose terms are of an older analysis. */
export function sqliteOutdatedMessages(
  connection: Connection,
  indexer: Indexer,
): AnalysedMessages<Outdated> {
  return {
    outdated: (limit) =>
      connection.read(() =>
        connection
          .statement(OUTDATED)
          .all(ANALYSIS_VERSION, limit)
          .map(([id, role, content]) => ({
            ...{ id: id as number, role: role as string, content: content as string },
          })),
      ),

    update: (analysed) =>
      connection.retry(() =>
        connection.writeUnflushed(() => {
          for (const { message, terms } of analysed) {
            const { id, role, content } = message;
            const values = [terms.join(' '), ANALYSIS_VERSION, id, ANALYSIS_VERSION, role, content];
            if (connection.statement(UPDATE).run(...values) > 0) indexer.reenqueue(id, id);
          }
          indexer.enforceBacklogLimit();
        }),
      ),
  };
}
