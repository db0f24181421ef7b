import type { Row } from './engine.ts';
import type { Warn } from './options.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** How many records with damaged text are remembered, so that each is logged once. */
const MAX_LOGGED_RECORDS = 1000;

/** Returns a function that logs a row with damaged text, once per record. See `Database.open`. */
export function damagedTextLog(warn: Warn): (row: Row) => void {
  const logged = new Set<string>();
  return (row) => {
    const uuid = row.find((text) => typeof text === 'string' && UUID.test(text));
    const key = String(uuid);
    if (logged.has(key) || logged.size >= MAX_LOGGED_RECORDS) return;
    logged.add(key);
    warn('a stored text has replacement characters, which stand for damaged bytes', {
      // What a search reads of a message has none.
      ...(uuid !== undefined && { uuid }),
    });
  };
}
