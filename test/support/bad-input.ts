/** What one call brings that no tool may accept, and a word that the answer has to contain. */
export interface BadCall {
  what: string;
  tool: string;
  /** The arguments as JSON text: some of them no program could hold and write again. */
  args: string;
  says: string;
}

/** JSON text of objects nested this deep. */
export function nested(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
}

const metadata = (json: string) => `{"session_id":"bad","metadata":${json}}`;
const sessionId = (value: unknown) => JSON.stringify({ session_id: value });

const MEGABYTE = 1024 * 1024;

export const BAD_CALLS: readonly BadCall[] = [
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
  { what: 'null for metadata', tool: 'add_session', args: metadata('null'), says: 'object' },
  { what: 'text for metadata', tool: 'add_session', args: metadata('"{}"'), says: 'object' },
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
  { what: 'a limit of 1,001', tool: 'list_sessions', args: '{"limit":1001}', says: 'limit' },
  { what: 'a limit that is text', tool: 'list_sessions', args: '{"limit":"5"}', says: 'limit' },
  { what: 'an unknown order', tool: 'list_sessions', args: '{"order":"up"}', says: 'order' },
  {
    what: 'both ways of paging',
    tool: 'list_sessions',
    args: '{"limit":1,"page_size":1}',
    says: 'page_size',
  },
  { what: 'a made-up cursor', tool: 'list_sessions', args: '{"cursor":"e30"}', says: 'cursor' },
];
