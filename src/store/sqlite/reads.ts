import type { Store } from '../store.ts';
import type { Connection } from './connection.ts';
import { sqliteSearch } from './search.ts';
import { sqliteVectors } from './vectors.ts';

/** The reads that may take long, which run beside the server: see `ReaderPool`. */
export interface LongReads {
  'search.candidates': Store['search']['candidates'];
  'vectors.newest': Store['vectors']['newest'];
  'vectors.unembedded': Store['vectors']['unembedded'];
}

export function longReads(connection: Connection): LongReads {
  const search = sqliteSearch(connection);
  const vectors = sqliteVectors(connection);
  return {
    'search.candidates': search.candidates,
    'vectors.newest': vectors.newest,
    'vectors.unembedded': vectors.unembedded,
  };
}
