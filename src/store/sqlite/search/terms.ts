import { createHash } from 'node:crypto';
import type { StatementSource } from '../connection/migrate.ts';

/** Whose a message is: what it can be looked for in. */
export interface Owner {
  /** The number of its session. */
  session: number;
  namespace: string;
  user_id: string | null;
}

const INSERT = 'INSERT INTO message_terms (rowid, scoped) VALUES (?, ?)';

/** The scopes of a message, as prefixes of its terms. Identifiers are arbitrary text: hashed. */
export const scopes = {
  session: (number: number) => `t${number.toString(36)}:`,
  user: (namespace: string, userId: string) => `u${hash(JSON.stringify([namespace, userId]))}:`,
  namespace: (namespace: string) => `n${hash(namespace)}:`,
};

/** Puts a message's terms into the index. Runs within a write. */
export function indexTerms(
  source: StatementSource,
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
  source.statement(INSERT).run(id, scoped.join(' '));
}

/** Short, since every term carries it: a clash only makes a candidate that is not taken. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
