import { termsOf } from '../../../search/analyzer.ts';
import type { Migration, StatementSource } from '../connection/migrate.ts';
import { indexTerms } from '../search/indexer.ts';

/**
 * The search index. `terms` of a message has its search terms, which the ranker counts. `message_terms`
 * maps a term to messages. Each term in it has a prefix for the scope that is searched.
 */
const TABLES = `
  ALTER TABLE messages ADD COLUMN terms TEXT NOT NULL DEFAULT '';
  CREATE INDEX messages_created ON messages (created_at);
  CREATE INDEX sessions_thread ON sessions (thread) WHERE thread IS NOT NULL;
  CREATE VIRTUAL TABLE message_terms USING fts5(
    scoped, content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars ':?'"
  );
`;

/** At this step of the schema, messages belong to threads. See `RETIRED_RANGES`. */
const NEXT_MESSAGES = `SELECT messages.id, role, content, messages.thread, namespace, user_id
  FROM messages JOIN sessions ON sessions.thread = messages.thread
  WHERE messages.id > ? ORDER BY messages.id LIMIT 500`;

/** Creates the search index, and indexes the messages that were stored without one. */
export const MESSAGE_TERMS: readonly Migration[] = [TABLES, indexExistingMessages];

function indexExistingMessages(source: StatementSource): void {
  const update = source.statement('UPDATE messages SET terms = ? WHERE id = ?');
  for (let lastId = 0; ; ) {
    const rows = source.statement(NEXT_MESSAGES).all(lastId);
    if (rows.length === 0) return;
    for (const row of rows) {
      const [id, role, content, session, namespace, user_id] = row as [
        ...[id: number, role: string, content: string, thread: number],
        ...[namespace: string, user_id: string | null],
      ];
      const terms = termsOf({ role, content });
      update.run(terms.join(' '), id);
      indexTerms(source, id, { session, namespace, user_id }, terms);
      lastId = id;
    }
  }
}
