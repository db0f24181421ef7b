import { encodeCursor } from '../../src/domain/pagination.ts';

/** Invalid arguments for one call, and a word that the error has to contain. */
export interface BadCall {
  what: string;
  tool: string;
  /** The arguments as JSON text. JSON.stringify cannot write some of them. */
  args: string;
  says: string;
}

/** JSON text of objects nested this deep. */
export function nested(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
}

/**
 * What stdio gets 100,000 levels of, in as many as HTTP reads: there, more is refused before anybody
 * looks at what it means.
 */
export function shallower(call: BadCall): BadCall {
  return { ...call, args: call.args.replace(nested(100_000), nested(900)) };
}

const metadata = (json: string) => `{"session_id":"bad","metadata":${json}}`;
const sessionId = (value: unknown) => JSON.stringify({ session_id: value });

const MEGABYTE = 1024 * 1024;

/** A well-formed cursor of another list. */
const FOREIGN_CURSOR = encodeCursor({ value: 1, key: 'x' }, ['another list']);

const BAD_SESSION_CALLS: readonly BadCall[] = [
  { what: 'no arguments', tool: 'get_session', args: '{}', says: 'session_id' },
  {
    what: 'an unknown key',
    tool: 'add_session',
    args: '{"session_id":"bad","ttl":1}',
    says: 'ttl',
  },
  {
    what: 'an identifier of the wrong type',
    tool: 'get_session',
    args: sessionId(7),
    says: 'string',
  },
  { what: 'null for an identifier', tool: 'add_session', args: sessionId(null), says: 'string' },
  { what: 'an empty identifier', tool: 'add_session', args: sessionId(''), says: 'empty' },
  {
    what: 'an identifier of 1,025 bytes',
    tool: 'add_session',
    args: sessionId(`${'é'.repeat(512)}x`),
    says: '1025 bytes',
  },
  { what: 'NUL in an identifier', tool: 'add_session', args: sessionId('a\0b'), says: 'NUL' },
  {
    what: 'a lone surrogate in an identifier',
    tool: 'add_session',
    args: '{"session_id":"a\\ud800b"}',
    says: 'surrogate',
  },
  {
    what: 'a lone surrogate in metadata',
    tool: 'add_session',
    args: metadata('{"a":["\\udfff"]}'),
    says: 'surrogate',
  },
  {
    what: 'a lone surrogate in a key',
    tool: 'add_session',
    args: metadata('{"\\ud83d":1}'),
    says: 'surrogate',
  },
  { what: 'NUL in a key', tool: 'add_session', args: metadata('{"a\\u0000":1}'), says: 'NUL' },
  { what: 'an array for metadata', tool: 'add_session', args: metadata('[]'), says: 'object' },
  { what: 'a number for metadata', tool: 'add_session', args: metadata('7'), says: 'object' },
  { what: 'text for metadata', tool: 'add_session', args: metadata('"{} no"'), says: 'object' },
  {
    what: '10 MB of metadata',
    tool: 'add_session',
    args: metadata(JSON.stringify({ text: 'x'.repeat(10 * MEGABYTE) })),
    says: '262144',
  },
  {
    what: 'metadata with 100,000 keys',
    tool: 'add_session',
    args: metadata(`{${Array.from({ length: 100_000 }, (_, n) => `"${n}":0`).join()}}`),
    says: '262144',
  },
  {
    what: 'metadata of 100,000 levels',
    tool: 'add_session',
    args: metadata(nested(100_000)),
    says: '64 levels',
  },
  {
    what: '100,000 levels where an identifier belongs',
    tool: 'get_session',
    args: `{"session_id":${nested(100_000)}}`,
    says: 'string',
  },
  {
    what: '100,000 levels in an unknown key',
    tool: 'get_session',
    args: `{"session_id":"bad","extra":${nested(100_000)}}`,
    says: 'extra',
  },
  { what: 'a limit of 0', tool: 'list_sessions', args: '{"limit":0}', says: 'limit' },
  { what: 'a limit that is text', tool: 'list_sessions', args: '{"limit":"five"}', says: 'limit' },
  { what: 'an unknown order', tool: 'list_sessions', args: '{"order":"up"}', says: 'order' },
  {
    what: 'both ways of paging',
    tool: 'list_sessions',
    args: '{"limit":1,"page_size":1}',
    says: 'page_size',
  },
  { what: 'a made-up cursor', tool: 'list_sessions', args: '{"cursor":"e30"}', says: 'cursor' },
  {
    what: 'the cursor of another list',
    tool: 'list_sessions',
    args: JSON.stringify({ cursor: FOREIGN_CURSOR }),
    says: 'cursor',
  },
];

/** A valid message as JSON text, with one insertion. */
const message = (json: string) => `{"role":"user","content":"bad"${json && `,${json}`}}`;

const UUID = '"uuid":"01890000-0000-7000-8000-000000000000"';

const messageList = (what: string, list: string, says: string): BadCall => ({
  what,
  tool: 'add_memory',
  args: `{"session_id":"bad","messages":${list}}`,
  says,
});

/** A call with one valid and one invalid message. Neither may be stored. */
const oneBad = (what: string, bad: string, says: string): BadCall =>
  messageList(what, `[${message('')},${bad}]`, says);

const BAD_MESSAGES: readonly BadCall[] = [
  messageList('no messages', '[]', 'at least one'),
  messageList('messages that are no list', '7', 'array'),
  messageList('1,001 messages', `[${Array(1001).fill(message('')).join()}]`, '1001'),
  messageList('100,000 messages', `[${Array(100_000).fill(message('')).join()}]`, '100000'),
  messageList(
    'the last of 1,000 messages wrong',
    `[${Array(999).fill(message('')).join()},${message('"uuid":"x"')}]`,
    'messages.999.uuid',
  ),
  oneBad('a message that is text', '"bad"', 'messages.1'),
  oneBad('a message without role', '{"content":"bad"}', 'role'),
  oneBad('a message without content', '{"role":"user"}', 'content'),
  oneBad(
    '1,001 parts',
    `{"role":"user","content":[${Array(1001).fill('1').join()}]}`,
    'at most 1000 are allowed',
  ),
  oneBad('a number beyond all numbers', message('"metadata":{"a":[1e999]}'), 'too large'),
  messageList(
    '100,000 messages as text',
    JSON.stringify(`[${Array(100_000).fill('{}').join()}]`),
    '100000',
  ),
  oneBad('parts of very many levels', `{"role":"user","content":[${nested(100_000)}]}`, 'deeper'),
  oneBad(
    'parts of very many levels, as text',
    `{"role":"user","content":"x","parts":${JSON.stringify(`[${nested(100_000)}]`)}}`,
    'deeper',
  ),
  oneBad(
    'parts of more than a megabyte',
    `{"role":"user","content":[{"type":"image","data":"${'x'.repeat(MEGABYTE)}"}]}`,
    '1048576',
  ),
  oneBad('NUL in a key of parts', '{"role":"user","content":[{"a\\u0000":1}]}', 'NUL'),
  oneBad('an unknown key in a message', message('"seq":7'), 'seq'),
  oneBad('an unknown key of 1 MB in a message', message(`"${'k'.repeat(MEGABYTE)}":1`), 'kkk'),
  oneBad('an empty role', '{"role":"","content":""}', 'empty'),
  oneBad('a role of 65 bytes', `{"role":"${'é'.repeat(32)}x","content":""}`, '65 bytes'),
  oneBad('NUL in a role', '{"role":"a\\u0000","content":""}', 'NUL'),
  oneBad('a lone surrogate in a role', '{"role":"\\udc00","content":""}', 'surrogate'),
  oneBad('null for content', '{"role":"user","content":null}', 'string'),
  oneBad('NUL in content', '{"role":"user","content":"a\\u0000b"}', 'NUL'),
  oneBad('a lone surrogate in content', '{"role":"user","content":"\\ud800"}', 'surrogate'),
  oneBad(
    'content of 1 MiB and a byte',
    `{"role":"user","content":"${'é'.repeat(MEGABYTE / 2)}x"}`,
    '1048577 bytes',
  ),
  oneBad('a uuid that is none', message('"uuid":"01890000"'), 'UUID'),
  messageList('a uuid twice', `[${message(UUID)},${message(UUID)}]`, 'same uuid'),
  oneBad("an array for a message's metadata", message('"metadata":[]'), 'object'),
  oneBad("NUL in a key of a message's metadata", message('"metadata":{"\\u0000":1}'), 'NUL'),
  oneBad(
    "too much of a message's metadata",
    message(`"metadata":{"text":"${'x'.repeat(262_144)}"}`),
    '262144',
  ),
  oneBad(
    "100,000 levels in a message's metadata",
    message(`"metadata":${nested(100_000)}`),
    '64 levels',
  ),
  oneBad('100,000 levels for content', `{"role":"user","content":${nested(100_000)}}`, 'string'),
];

const ofBadSession = (what: string, tool: string, args: object, says: string): BadCall => ({
  what,
  tool,
  args: JSON.stringify({ session_id: 'bad', ...args }),
  says,
});

const BAD_MEMORY_CALLS: readonly BadCall[] = [
  ofBadSession('a last_n of 0', 'get_memory', { last_n: 0 }, 'last_n'),
  ofBadSession('no tokens', 'get_memory', { max_tokens: 0 }, 'max_tokens'),
  ofBadSession('half a token', 'get_memory', { max_tokens: 1.5 }, 'max_tokens'),
  ofBadSession('a from_seq of 0', 'list_messages', { from_seq: 0 }, 'from_seq'),
  ofBadSession('a from_seq beyond all', 'list_messages', { from_seq: 2 ** 53 }, 'from_seq'),
  ofBadSession('an offset of -1', 'list_messages', { content_offset: -1 }, 'content_offset'),
  ofBadSession('both ways of paging', 'list_messages', { limit: 1, page_number: 1 }, 'page_number'),
  ofBadSession('a page too far', 'list_messages', { page_number: 10_000_000 }, 'page_number'),
  ofBadSession('an unknown order', 'list_messages', { order: 'newest' }, 'order'),
  ofBadSession('a made-up cursor', 'list_messages', { cursor: '🦊' }, 'cursor'),
  ofBadSession('a foreign cursor', 'list_messages', { cursor: FOREIGN_CURSOR }, 'cursor'),
  {
    what: 'an empty query',
    tool: 'search_memory',
    args: '{"query":""}',
    says: 'at least 1 character.',
  },
  {
    what: 'a query of 20,001 characters',
    tool: 'search_memory',
    args: JSON.stringify({ query: 'x'.repeat(20_001) }),
    says: '20000 characters',
  },
  {
    what: 'a day that is none',
    tool: 'search_memory',
    args: '{"query":"x","since":"2026-02-30"}',
    says: 'since',
  },
  {
    what: 'a time that is over before it begins',
    tool: 'search_memory',
    args: '{"query":"x","since":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}',
    says: 'since',
  },
  {
    what: 'a session and a user',
    tool: 'search_memory',
    args: '{"query":"x","session_id":"a","user_id":"b"}',
    says: 'both',
  },
  {
    what: 'no roles at all',
    tool: 'search_memory',
    args: '{"query":"x","roles":[]}',
    says: 'roles',
  },
  {
    what: 'fewer neighbours than none',
    tool: 'search_memory',
    args: '{"query":"x","neighbours":-1}',
    says: 'neighbours',
  },
  {
    what: 'a foreign cursor of a search',
    tool: 'search_memory',
    args: JSON.stringify({ query: 'x', cursor: FOREIGN_CURSOR }),
    says: 'cursor',
  },
  ofBadSession('no uuid', 'update_message_metadata', { metadata: {} }, 'uuid'),
  ofBadSession('a bad uuid', 'update_message_metadata', { uuid: 'x', metadata: {} }, 'UUID'),
  ofBadSession('a summary up to 0', 'set_summary', { content: 'x', up_to_seq: 0 }, 'up_to_seq'),
  ofBadSession('an empty summary', 'set_summary', { content: '', up_to_seq: 1 }, 'empty'),
  ofBadSession(
    'a summary of 16 KiB and a byte',
    'set_summary',
    { content: 'x'.repeat(16_385), up_to_seq: 1 },
    '16385 bytes',
  ),
  ofBadSession(
    'a summary that JSON makes too long',
    'set_summary',
    { content: '\u0001'.repeat(3000), up_to_seq: 1 },
    '18000 bytes',
  ),
];

const ofBadUser = (what: string, tool: string, args: string, says: string): BadCall => ({
  what,
  tool,
  args: `{"user_id":"bad",${args}}`,
  says,
});

const BAD_USER_CALLS: readonly BadCall[] = [
  { what: 'an empty identifier', tool: 'add_user', args: '{"user_id":""}', says: 'empty' },
  { what: 'null for an identifier', tool: 'get_user', args: '{"user_id":null}', says: 'string' },
  { what: 'no identifier', tool: 'delete_user', args: '{}', says: 'user_id' },
  {
    what: 'NUL in an identifier',
    tool: 'restore_user',
    args: '{"user_id":"\\u0000"}',
    says: 'NUL',
  },
  ofBadUser('an e-mail address that is none', 'add_user', '"email":"ada"', 'e-mail'),
  ofBadUser('NUL in an e-mail address', 'add_user', '"email":"a\\u0000@example.org"', 'NUL'),
  ofBadUser(
    'an e-mail address of 1 MB',
    'add_user',
    `"email":"${'a'.repeat(MEGABYTE)}@example.org"`,
    'email',
  ),
  ofBadUser('an empty name', 'update_user', '"first_name":""', 'empty'),
  ofBadUser('NUL in a name', 'add_user', '"last_name":"a\\u0000"', 'NUL'),
  ofBadUser('a lone surrogate in a name', 'update_user', '"last_name":"\\ud800"', 'surrogate'),
  ofBadUser('a name of 1,025 bytes', 'add_user', `"last_name":"${'x'.repeat(1025)}"`, '1025'),
  ofBadUser('an unknown field', 'update_user', '"name":"Ada"', 'first_name'),
  { what: 'a limit of 0', tool: 'list_users', args: '{"limit":0}', says: 'limit' },
  { what: 'a user of users', tool: 'list_users', args: '{"user_id":"x"}', says: 'user_id' },
  {
    what: 'both ways of paging',
    tool: 'list_users',
    args: '{"cursor":"x","page_size":1}',
    says: 'page_size',
  },
  {
    what: 'the cursor of another list',
    tool: 'list_users',
    args: JSON.stringify({ cursor: FOREIGN_CURSOR }),
    says: 'cursor',
  },
];

const FACT = { subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada is in Lisbon.' };

const ofBadFacts = (what: string, tool: string, args: object, says: string): BadCall => ({
  what,
  tool,
  args: JSON.stringify({ user_id: 'bad', ...args }),
  says,
});

/** A call with one valid and one invalid fact. */
const oneBadFact = (what: string, bad: object, says: string): BadCall =>
  ofBadFacts(what, 'add_facts', { facts: [FACT, { ...FACT, ...bad }] }, says);

/** For a server that offers the toolset `facts`. */
const BAD_FACT_CALLS: readonly BadCall[] = [
  ofBadFacts('no facts', 'add_facts', { facts: [] }, 'at least one fact'),
  ofBadFacts('101 facts', 'add_facts', { facts: Array(101).fill(FACT) }, '101'),
  ofBadFacts('a fact that is text', 'add_facts', { facts: ['Ada is in Lisbon.'] }, 'facts.0'),
  oneBadFact('a fact without a subject', { subject: undefined }, 'facts.1.subject'),
  oneBadFact('an empty name', { subject: '' }, 'empty'),
  oneBadFact('a name of nothing that can be seen', { object: ' \u200b\n' }, 'can be seen'),
  oneBadFact('a predicate of nothing that can be seen', { predicate: '\u0007' }, 'can be seen'),
  oneBadFact('a sentence of nothing that can be seen', { fact: '   ' }, 'can be seen'),
  oneBadFact('a name of 257 bytes', { subject: `${'é'.repeat(128)}x` }, '257 bytes'),
  oneBadFact('a predicate of 129 bytes', { predicate: 'x'.repeat(129) }, '129 bytes'),
  oneBadFact('a sentence of 2,049 bytes', { fact: 'x'.repeat(2049) }, '2049 bytes'),
  oneBadFact('NUL in a name', { subject: 'a\0' }, 'NUL'),
  oneBadFact('a time that is none', { valid_at: 'yesterday' }, 'valid_at'),
  oneBadFact('a uuid that is none', { supersedes: ['x'] }, 'search_facts'),
  oneBadFact('101 superseded facts', { supersedes: Array(101).fill('x') }, '101'),
  oneBadFact('an unknown key in a fact', { confidence: 1 }, 'confidence'),
  ofBadFacts(
    'a source of no messages',
    'add_facts',
    { facts: [FACT], source: { session_id: 'bad', uuids: [] } },
    'source.uuids',
  ),
  ofBadFacts(
    'a source of 21 messages',
    'add_facts',
    { facts: [FACT], source: { session_id: 'bad', uuids: Array(21).fill('x') } },
    '21',
  ),
  ofBadFacts('a query of 8,193 bytes', 'search_facts', { query: 'x'.repeat(8193) }, '8193 bytes'),
  ofBadFacts('a time that is none', 'search_facts', { as_of: '2026-02-30' }, 'as_of'),
  ofBadFacts('a limit of 0', 'search_facts', { limit: 0 }, 'limit'),
  ofBadFacts('no name', 'get_entity', {}, 'name'),
  ofBadFacts('a name of nothing that can be seen', 'get_entity', { name: ' ' }, 'can be seen'),
  ofBadFacts('no uuid', 'update_fact', { fact: 'x' }, 'uuid'),
  ofBadFacts(
    'an empty sentence',
    'update_fact',
    { uuid: UUID.slice(8, -1), fact: ' ' },
    'can be seen',
  ),
  ofBadFacts('no uuids', 'delete_facts', { uuids: [] }, 'at least 1 entry'),
  ofBadFacts('101 uuids', 'restore_facts', { uuids: Array(101).fill('x') }, '101'),
  ofBadFacts('an entity by its uuid', 'delete_entity', { uuid: UUID.slice(8, -1) }, 'name'),
];

export const BAD_CALLS: readonly BadCall[] = [
  ...BAD_SESSION_CALLS,
  ...BAD_MESSAGES,
  ...BAD_MEMORY_CALLS,
  ...BAD_USER_CALLS,
  ...BAD_FACT_CALLS,
];
