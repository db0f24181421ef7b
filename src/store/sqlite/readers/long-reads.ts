import type { Store } from '../../port.ts';
import type { Connection } from '../connection/index.ts';
import { sqlitePurge } from '../purge.ts';
import { sqliteSearch } from '../search/index.ts';
import { sqliteVectors } from '../search/vectors.ts';
import { sqliteSessions } from '../sessions.ts';
import { sqliteUsers } from '../users.ts';
import { type PackedCandidates, packCandidates } from './packed-candidates.ts';

/** Reads that may take long. They run on reader threads: see `ReaderPool`. */
export interface LongReads {
  'search.candidates': (
    ...args: Parameters<Store['search']['candidates']>
  ) => Promise<PackedCandidates>;
  'search.vocabulary': Store['search']['vocabulary'];
  'search.findByPosition': Store['search']['findByPosition'];
  'vectors.newest': Store['vectors']['newest'];
  'vectors.unembedded': Store['vectors']['unembedded'];
  'sessions.list': Store['sessions']['list'];
  'users.list': Store['users']['list'];
  countExpired: Store['countExpired'];
}

export function longReads(connection: Connection): LongReads {
  const search = sqliteSearch(connection);
  const vectors = sqliteVectors(connection);
  return {
    'search.candidates': async (...args) => packCandidates(await search.candidates(...args)),
    'search.vocabulary': search.vocabulary,
    'search.findByPosition': search.findByPosition,
    'vectors.newest': vectors.newest,
    'vectors.unembedded': vectors.unembedded,
    'sessions.list': sqliteSessions(connection).list,
    'users.list': sqliteUsers(connection).list,
    countExpired: sqlitePurge(connection).countExpired,
  };
}
