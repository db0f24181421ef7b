import { createHash } from 'node:crypto';
import { termsOf } from '../../../search/analyzer.ts';
import type { Connection } from '../connection/index.ts';

/** Whose a message is: what it can be looked for in. */
export interface Owner {
  /** The number of its session. */
  session: number;
  namespace: string;
  user_id: string | null;
}

const INSERT = 'INSERT INTO message_terms (rowid, scoped) VALUES (?, ?)';

/** By threads, since that is the schema when this is done: see `WITHOUT_THREADS`. */
const EARLIER = `SELECT messages.id, role, content, messages.thread, namespace, user_id
  FROM messages JOIN sessions ON sessions.thread = messages.thread
  WHERE messages.id > ? ORDER BY messages.id LIMIT 500`;

/** The scopes of a message, as prefixes of its terms. Identifiers are arbitrary text: hashed. */
export const scopes = {
  session: (number: number) => `t${number.toString(36)}:`,
  user: (namespace: string, userId: string) => `u${hash(JSON.stringify([namespace, userId]))}:`,
  namespace: (namespace: string) => `n${hash(namespace)}:`,
};

/** Puts a message's terms into the index. Runs within a write. */
export function indexTerms(
  connection: Connection,
  id: number,
  { session, namespace, user_id }: Owner,
  terms: readonly string[],
): void {
  if (terms.length === 0) return;
  const prefixes = [
    scopes.session(session),
    scopes.namespace(namespace),
    ...(user_id === null ? [] : [scopes.user(namespace, user_id)]),
  ];
  const scoped = prefixes.flatMap((prefix) => [...new Set(terms)].map((term) => prefix + term));
  connection.statement(INSERT).run(id, scoped.join(' '));
}

/** Makes the messages findable that were stored before there was a search. */
export function indexEarlierMessages(connection: Connection): void {
  const update = connection.statement('UPDATE messages SET terms = ? WHERE id = ?');
  for (let last = 0; ; ) {
    const rows = connection.statement(EARLIER).all(last);
    if (rows.length === 0) return;
    for (const [id, role, content, thread, namespace, user_id] of rows) {
      const terms = termsOf({ role: role as string, content: content as string });
      update.run(terms.join(' '), id);
      indexTerms(
        connection,
        id as number,
        {
          session: thread as number,
          namespace: namespace as string,
          user_id: user_id as string | null,
        },
        terms,
      );
      last = id as number;
    }
  }
}

/** Short, since every term carries it: a clash only makes a candidate that is not taken. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
