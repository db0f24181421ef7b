import { BOB } from './fixture.ts';

/** Identifiers that a stranger tries, of existing records or of none. */
export interface Target {
  session_id: string;
  user_id: string;
  /** Of a message in that session. */
  uuid: string;
  /** A fact about that user, and an entity that it names. */
  fact: { uuid: string; entity: string; entity_uuid: string };
  /** A text that was kept about that user. */
  episode: string;
  /** Cursors of lists that show these records. */
  cursors: {
    sessions: string;
    ofUser: string;
    users: string;
    messages: string;
    search: string;
    facts: string;
  };
}

type Args = Record<string, unknown>;

const said = { role: 'user', content: 'probe' };
const probe = { subject: 'probe', predicate: 'IS', object: 'own', fact: 'probe' };

/**
 * For every tool, the calls that could reveal to a stranger whether a record exists. Lists that name no
 * record are tested elsewhere: they show the caller's own records.
 *
 * @param own an identifier that the stranger may create a session with
 */
export const CASES: Record<string, (target: Target, own: string) => Args[]> = {
  add_session: ({ session_id, user_id }, own) => [
    { session_id },
    { session_id, user_id },
    { session_id: own, user_id },
  ],
  get_session: ({ session_id }) => [{ session_id }],
  list_sessions: ({ user_id, cursors }) => [
    { user_id },
    { user_id, include_total: true },
    { user_id, deleted: 'only', include_total: true },
    { user_id, page_number: 1, page_size: 1 },
    { limit: 1, cursor: cursors.sessions },
    { limit: 1, user_id, cursor: cursors.ofUser },
    { limit: 1, cursor: cursors.ofUser },
  ],
  update_session: ({ session_id, user_id }) => [
    { session_id, title: 'probe' },
    { session_id, user_id },
    { session_id },
  ],
  update_session_metadata: ({ session_id }) => [
    { session_id, metadata: { probe: 1 } },
    { session_id, metadata: {} },
  ],
  delete_session: ({ session_id }) => [{ session_id }],
  restore_session: ({ session_id }) => [{ session_id }],
  add_memory: ({ session_id, user_id, uuid }) => [
    { session_id, messages: [said] },
    { session_id, user_id, messages: [said] },
    { session_id, messages: [{ ...said, uuid }] },
  ],
  get_memory: ({ session_id }) => [{ session_id }, { session_id, last_n: 1, max_tokens: 1 }],
  list_messages: ({ session_id, cursors }) => [
    { session_id },
    { session_id, order: 'desc', from_seq: 2, include_total: true },
    { session_id, limit: 1, cursor: cursors.messages },
  ],
  search_memory: ({ session_id, user_id, cursors }) => [
    { query: 'SECRET-7f3a' },
    { query: 'SECRET-7f3a', session_id, neighbours: 5 },
    { query: 'SECRET-7f3a', user_id, metadata: {} },
    { query: 'SECRET-7f3a', limit: 1, cursor: cursors.search },
  ],
  update_message_metadata: ({ session_id, uuid }) => [{ session_id, uuid, metadata: { probe: 1 } }],
  set_summary: ({ session_id }) => [{ session_id, content: 'probe', up_to_seq: 1 }],
  delete_messages: ({ session_id, uuid }) => [{ session_id, uuids: [uuid] }],
  restore_messages: ({ session_id, uuid }) => [{ session_id, uuids: [uuid] }],
  add_user: ({ user_id }) => [{ user_id }],
  get_user: ({ user_id }) => [{ user_id }],
  list_users: ({ cursors }) => [{ limit: 1, cursor: cursors.users }],
  update_user: ({ user_id }) => [{ user_id, first_name: 'probe' }, { user_id }],
  delete_user: ({ user_id }) => [{ user_id }],
  restore_user: ({ user_id }) => [{ user_id }],
  // Some under a user whom every stranger has, by the names of what is not theirs.
  add_facts: ({ user_id, session_id, uuid, fact }, own) => [
    { user_id, facts: [{ ...probe, object: fact.entity }] },
    { user_id: BOB, facts: [{ ...probe, subject: own }], source: { session_id, uuids: [uuid] } },
    { user_id: BOB, facts: [{ ...probe, supersedes: [fact.uuid] }] },
    { user_id: BOB, facts: [{ ...probe, supersedes: [fact.entity_uuid] }] },
  ],
  search_facts: ({ user_id, fact, cursors }) => [
    { user_id },
    { user_id, query: 'SECRET-7f3a', include_ended: true },
    { user_id, entity: fact.entity },
    { user_id, limit: 1, cursor: cursors.facts },
    { user_id: BOB, query: 'SECRET-7f3a' },
    { user_id: BOB, query: fact.entity },
    { user_id: BOB, entity: fact.entity },
    { user_id: BOB, limit: 1, cursor: cursors.facts },
  ],
  get_entity: ({ user_id, fact }) => [
    { user_id, name: fact.entity },
    { user_id, name: fact.entity, include_ended: true, limit: 1 },
    { user_id: BOB, name: fact.entity },
    { user_id: BOB, name: fact.entity_uuid },
  ],
  update_fact: ({ user_id, fact: { uuid } }) => [
    { user_id, uuid, fact: 'probe' },
    { user_id, uuid },
    { user_id: BOB, uuid, fact: 'probe' },
  ],
  delete_facts: ({ user_id, fact: { uuid } }) => [
    { user_id, uuids: [uuid] },
    { user_id: BOB, uuids: [uuid] },
  ],
  delete_entity: ({ user_id, fact }) => [
    { user_id, name: fact.entity },
    { user_id: BOB, name: fact.entity },
  ],
  restore_facts: ({ user_id, fact }) => [
    { user_id, uuids: [fact.uuid] },
    { user_id: BOB, uuids: [fact.uuid, fact.entity_uuid] },
  ],
};
