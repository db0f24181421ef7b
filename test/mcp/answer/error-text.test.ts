import { describe, expect, it } from 'vitest';
import { TOOLSETS } from '../../../src/domain/toolsets.ts';
import type { Audience } from '../../../src/mcp/answer/audience.ts';
import { errorText } from '../../../src/mcp/answer/error-text.ts';
import { accessibleTools } from '../../../src/mcp/tool-access.ts';
import { TOOLS } from '../../../src/mcp/tools/index.ts';
import type { Fact } from '../../../src/services/errors.ts';

const anybody = { caller: { namespace: 'n' }, offers: () => true };
const pinned = audienceWith(
  accessibleTools(
    { toolsets: TOOLSETS, readOnly: false },
    { scopes: ['sessions:read', 'sessions:write'], user_id: 'ada' },
  ),
  'ada',
);

function audienceWith(tools: readonly { name: string }[], user_id?: string): Audience {
  const offers = (name: string) => tools.some((tool) => tool.name === name);
  return { caller: { namespace: 'n', ...(user_id !== undefined && { user_id }) }, offers };
}

const DELETED_AT = '2100-01-01T00:00:00.000Z';
const PURGE_AT = '2100-01-08T00:00:00.000Z';
const deletion = { deleted_at: DELETED_AT, purge_at: PURGE_AT };
const kept = { deleted_at: DELETED_AT };
const UUID = '01a1fd24-303c-761f-bb3f-55f56f02c15b';
const uuids = (count: number) => Array.from({ length: count }, (_, i) => `uuid-${i}`);
const lost = {
  kind: 'append_outcome_unknown',
  code: 'UNAVAILABLE',
  problem: 'It is lost.',
} as const;

/** What the text of a fact names: what is wrong, then what to do next. */
const NAMED: { [Kind in Fact['kind']]: [Extract<Fact, { kind: Kind }>, string[], string[]][] } = {
  session_not_found: [
    [{ kind: 'session_not_found', session_id: 's 1' }, ['"s 1"'], ['add_session', 'list_sessions']],
    [
      { kind: 'session_not_found', session_id: 's', deletion },
      ['"s"', DELETED_AT, PURGE_AT],
      ['restore_session', 'add_memory'],
    ],
    [
      { kind: 'session_not_found', session_id: 's', deletion: kept },
      ['"s"', DELETED_AT, 'kept'],
      ['restore_session'],
    ],
    [
      {
        kind: 'session_not_found',
        session_id: 's',
        deletion: { ...deletion, deletedOwner: { user_id: 'u 1', deleted_at: DELETED_AT } },
      },
      ['"s"', DELETED_AT, PURGE_AT, '"u 1" is deleted:'],
      ['call restore_user to bring both back'],
    ],
    [
      {
        kind: 'session_not_found',
        session_id: 's',
        deletion: { ...deletion, deletedOwner: { user_id: 'u 1', deleted_at: PURGE_AT } },
      },
      ['"s"', DELETED_AT, '"u 1" is deleted too'],
      ['call restore_user', 'then call restore_session'],
    ],
  ],
  session_exists: [
    [
      { kind: 'session_exists', session_id: 's 1' },
      ['"s 1"', 'exists'],
      ['update_session', 'update_session_metadata', 'another session_id'],
    ],
    [
      { kind: 'session_exists', session_id: 's', deletion },
      ['"s"', 'exists', DELETED_AT, PURGE_AT],
      ['restore_session', 'add_memory'],
    ],
  ],
  session_has_user: [
    [
      { kind: 'session_has_user', session_id: 's 1', user_id: 'u 1' },
      ['"s 1"', '"u 1"'],
      ['another session_id'],
    ],
  ],
  session_forbidden: [
    [
      { kind: 'session_forbidden', session_id: 's 1', prefix: 'a%2Fb/' },
      ['"s 1"'],
      ['begins with "a%2Fb/"', 'list_sessions'],
    ],
  ],
  user_not_found: [
    [{ kind: 'user_not_found', user_id: 'u 1' }, ['"u 1"'], ['add_user', 'list_users']],
    [
      { kind: 'user_not_found', user_id: 'u', deletion },
      ['"u"', DELETED_AT, PURGE_AT],
      ['call restore_user'],
    ],
  ],
  user_exists: [
    [
      { kind: 'user_exists', user_id: 'u 1' },
      ['"u 1"', 'exists'],
      ['update_user', 'another user_id'],
    ],
    [
      { kind: 'user_exists', user_id: 'u', deletion },
      ['"u"', 'exists', DELETED_AT, PURGE_AT],
      ['call restore_user'],
    ],
  ],
  users_forbidden: [[{ kind: 'users_forbidden' }, ['one user'], ['whoever runs the server']]],
  message_not_found: [
    [
      { kind: 'message_not_found', session_id: 's', uuid: UUID, deletion },
      [UUID, DELETED_AT, PURGE_AT],
      ['restore_messages'],
    ],
    [
      { kind: 'message_not_found', session_id: 's 1', uuid: UUID },
      [UUID, '"s 1"'],
      ['list_messages'],
    ],
  ],
  message_ahead: [
    [
      { kind: 'message_ahead', index: 1, created_at: PURGE_AT, now: DELETED_AT },
      ['messages.1.created_at', PURGE_AT, DELETED_AT],
      ['leave it out'],
    ],
  ],
  messages_not_found: [
    [
      { kind: 'messages_not_found', session_id: 's 1', uuids: uuids(2) },
      ['"s 1"', 'uuid-0, uuid-1', 'nothing was changed'],
      ['list_messages'],
    ],
  ],
  facts_not_found: [
    [{ kind: 'facts_not_found', uuids: uuids(2) }, uuids(2), ['search_facts']],
    [{ kind: 'facts_not_found', uuids: uuids(21) }, uuids(20), ['search_facts']],
    [
      { kind: 'facts_not_found', uuids: ['uuid-0'], deletion },
      ['uuid-0', DELETED_AT, PURGE_AT],
      ['restore_facts'],
    ],
  ],
  entity_not_found: [
    [{ kind: 'entity_not_found', name: 'a b' }, ['"a b"'], ['search_facts']],
    [
      { kind: 'entity_not_found', name: 'a b', deletion: { ...deletion, uuid: UUID } },
      ['"a b"', DELETED_AT, PURGE_AT],
      [UUID, 'restore_facts'],
    ],
  ],
  fact_times_reversed: [
    [
      { kind: 'fact_times_reversed', index: 7, valid_at: PURGE_AT, invalid_at: DELETED_AT },
      ['facts.7.invalid_at', DELETED_AT, PURGE_AT],
      ['Exchange or correct'],
    ],
    [
      { kind: 'fact_times_reversed', valid_at: PURGE_AT, invalid_at: DELETED_AT },
      ['invalid_at', DELETED_AT, PURGE_AT],
      ['Exchange or correct'],
    ],
  ],
  fact_supersedes_itself: [
    [
      { kind: 'fact_supersedes_itself', index: 7, uuid: UUID },
      ['facts.7.supersedes', UUID],
      ['Leave it out', 'update_fact'],
    ],
  ],
  too_many_superseded: [
    [{ kind: 'too_many_superseded', count: 101, max: 100 }, ['101', '100'], ['Divide the call']],
  ],
  duplicate_uuids: [[{ kind: 'duplicate_uuids' }, ['messages', 'the same uuid'], ['its own']]],
  append_outcome_unknown: [
    [{ ...lost, uuids: ['uuid-0', 'uuid-1'] }, ['It is lost.'], ['repeat', 'uuid-0, uuid-1']],
    [{ ...lost, uuids: uuids(20) }, ['It is lost.'], uuids(20)],
    [{ ...lost, uuids: uuids(21) }, ['It is lost.'], ['last messages', 'before you repeat']],
  ],
  nothing_to_summarize: [
    [{ kind: 'nothing_to_summarize' }, ['up_to_seq', 'no messages'], ['add_memory']],
  ],
  summary_out_of_range: [
    [
      { kind: 'summary_out_of_range', up_to_seq: 9, min_seq: 2, max_seq: 7 },
      ['up_to_seq is 9'],
      ['2 to 7'],
    ],
  ],
  filtered_list_is_not_counted: [
    [{ kind: 'filtered_list_is_not_counted' }, ['query or metadata'], ['limit and cursor']],
  ],
  search_in_session_and_user: [
    [{ kind: 'search_in_session_and_user' }, ['session_id and user_id'], ['Give']],
  ],
  search_since_after_until: [
    [{ kind: 'search_since_after_until' }, ['since', 'until'], ['Exchange']],
  ],
  search_cannot_continue: [
    [{ kind: 'search_cannot_continue' }, ['embeddings endpoint'], ['Repeat', 'without cursor']],
  ],
  long_reads_queue_timeout: [
    [
      { kind: 'long_reads_queue_timeout', waited_ms: 20_000 },
      ['20 s', 'not begun'],
      ['repeat the call'],
    ],
  ],
};

const FACTS: [kind: string, fact: Fact, wrong: string[], next: string[]][] = Object.values(
  NAMED,
).flatMap((examples: [Fact, string[], string[]][]) =>
  examples.map(([fact, wrong, next]): (typeof FACTS)[number] => [fact.kind, fact, wrong, next]),
);

/** Facts whose remedy is to restore a user. */
const RESTORING_USERS = FACTS.filter(([, , , next]) => next.some((it) => /restore_user/.test(it)));

describe('the text of an error', () => {
  it.each(FACTS)('%s says what is wrong, and then what to do', (_, fact, wrong, next) => {
    const text = errorText(fact, anybody);
    for (const named of [...wrong, ...next]) expect(text).toContain(named);
    const positions = [...wrong.slice(0, 1), ...next.slice(0, 1)].map((it) => text.indexOf(it));
    expect(positions).toStrictEqual(positions.toSorted((a, b) => a - b));
    expect(text).toMatch(/^\S.*\.$/);
    expect(text).not.toMatch(/undefined|null|\[object/);
  });

  it('lists no more than 20 uuids', () => {
    expect(errorText({ ...lost, uuids: uuids(21) }, anybody)).not.toContain('uuid-0');
  });

  it('shows what is in an identifier, and no more than 120 characters of it', () => {
    const text = (session_id: string) =>
      errorText({ kind: 'session_not_found', session_id }, anybody);
    expect(text('a\n"b"')).toContain('"a\\n\\"b\\""');
    expect(text('😀'.repeat(121))).toContain(`"${'😀'.repeat(119)}…"`);
  });

  it.each(RESTORING_USERS)(
    '%s sends a pinned caller, who has no restore_user, to an administrator',
    (_, fact) => {
      const text = errorText(fact, pinned);
      expect(text).toContain('ask whoever runs the server to call restore_user');
      expect(text).not.toMatch(/(?<!server to )call restore_user/);
    },
  );

  it.each([
    ['nothing', []],
    ['the memory tools', TOOLS.filter(({ toolset }) => toolset === 'memory')],
    ['the reading tools', TOOLS.filter(({ hints }) => hints.readOnlyHint)],
  ])('names no tool to call to a caller who has %s and not that one', (_, tools) => {
    const missing = TOOLS.filter((tool) => !tools.includes(tool)).map(({ name }) => name);
    for (const [, fact] of FACTS) {
      const text = errorText(fact, audienceWith(tools));
      const advice = text.replaceAll(/ask whoever runs the server to call \w+/gi, '');
      for (const name of missing) expect(advice).not.toMatch(new RegExp(`\\b${name}\\b`));
      expect(text).toMatch(/^\S.*\.$/);
    }
  });

  it('tells a pinned caller of no tool for other users', () => {
    const text = errorText({ kind: 'user_not_found', user_id: 'bob' }, pinned);
    expect(text).toContain('"bob"');
    expect(text).toContain('"ada"');
    expect(text).not.toMatch(/add_user|list_users/);
  });
});
