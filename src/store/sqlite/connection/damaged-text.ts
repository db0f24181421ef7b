import type { Row } from './engine.ts';
import type { Warn } from './open-file.ts';

/** What the engine puts in the place of bytes that are no UTF-8. */
const REPLACEMENT = '\uFFFD';

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** How many records with damaged text are remembered as logged. */
const LOGGED_MAX = 1000;

/** Returns what logs, once of each record, that a text of it has bytes which are no UTF-8. */
export function damagedTextLog(warn: Warn): (row: Row) => void {
  const logged = new Set<string>();
  return (row) => {
    for (const value of row) {
      if (typeof value !== 'string' || !value.includes(REPLACEMENT)) continue;
      const uuid = String(row.find((text) => typeof text === 'string' && UUID.test(text)));
      if (logged.has(uuid) || logged.size >= LOGGED_MAX) return;
      logged.add(uuid);
      warn('a stored text has replacement characters, which stand for damaged bytes', { uuid });
      return;
    }
  };
}
