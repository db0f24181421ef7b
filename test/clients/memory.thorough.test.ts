import { describe, expect } from 'vitest';
import { V1_CLIENTS, V2_CLIENTS, type ZepClient } from '../support/zep-clients.ts';
import { runProgram } from '../support/zep-programs.ts';
import { describeZepServers, itWithEach } from '../support/zep-servers.ts';

const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const TURNS = [
  { role: 'user', content: 'I moved to Lisbon', metadata: { mood: 'happy' } },
  { role: 'assistant', content: 'How is the weather there?' },
  // Programs read the roles back that they gave: LangChain tells its own by these.
  { role: 'Human', content: 'It rains: 東京 was drier 🌧' },
  { role: 'AI', content: 'Take an umbrella' },
];
const TYPED_TURNS = [
  { role: 'Ada', role_type: 'user', content: 'I moved to Lisbon', metadata: { mood: 'happy' } },
  // A name may be that of the type. It is given back, and none is made up.
  { role: 'assistant', role_type: 'assistant', content: 'How is the weather there?' },
  { role_type: 'system', content: 'It rains: 東京 was drier 🌧' },
  { role: 'weather', role_type: 'function', content: 'rain' },
  { role: 'shop', role_type: 'tool', content: 'Take an umbrella' },
  { role: 'Human', role_type: 'norole', content: 'Fine' },
];
const WINDOW = Array.from({ length: 12 }, (_, number) => `${number + 2}`);
const PATCHED = { mood: 'happy', seen: { by: 'ada' } };
const NOT_FOUND = { error: 'NotFoundError', status: 404 };

const contentsOf = (turns: readonly { content: string }[]) => turns.map(({ content }) => content);

/** zep-js had no single messages before 0.10.0. */
const hasMessages = ({ module, name }: ZepClient) =>
  module !== '@getzep/zep-js' || name.endsWith('0.10.0');

describeZepServers('a memory', [...V1_CLIENTS, ...V2_CLIENTS], (server) => {
  describe('of the self-hosted edition', () => {
    itWithEach(V1_CLIENTS, 'is saved, read, searched and deleted', async (client) => {
      const seen = await runProgram(client, 'v1/memory', server.fresh());
      const fields = { uuid: UUID, created_at: TIME, token_count: expect.any(Number) };
      const got = TURNS.map((turn) => ({ metadata: {}, ...turn, ...fields }));
      const contents = contentsOf(TURNS);
      const missing = { error: 'NotFoundError', status: null };
      expect(seen).toStrictEqual({
        saved: 'OK',
        got,
        lastTwo: contents.slice(2),
        window: WINDOW,
        repeated: ['ping', 'pong', 'ping'],
        found: expect.any(Array),
        foundRoles: expect.any(Array),
        distances: seen.found.map(() => 'number'),
        one: 1,
        elsewhere: 0,
        pages: hasMessages(client)
          ? {
              all: contents,
              first: contents.slice(0, 3),
              second: contents.slice(3),
              third: [],
              one: got[0],
              patched: { ...got[0], metadata: PATCHED },
              again: PATCHED,
              unknown: missing,
              unknownSession: missing,
            }
          : null,
        sentBack: contents,
        deleted: 'OK',
        empty: [],
        revived: ['0'],
        unknown: [],
      });
      expect(seen.found[0]).toBe('Take an umbrella');
      expect(seen.foundRoles[0]).toBe('AI');
    });
  });

  describe('of the cloud edition', () => {
    itWithEach(V2_CLIENTS, 'is saved, read and searched', async (client) => {
      const seen = await runProgram(client, 'v2/memory', server.fresh());
      const inPython = client.language === 'Python';
      const contents = contentsOf(TYPED_TURNS);
      const shown = TYPED_TURNS.map(({ role_type, ...turn }) => ({
        metadata: {},
        ...turn,
        ...(inPython ? { role_type } : { roleType: role_type }),
      }));
      const fields = inPython
        ? { created_at: TIME, updated_at: TIME, token_count: expect.any(Number) }
        : { createdAt: TIME, updatedAt: TIME, tokenCount: expect.any(Number) };
      const counts = inPython ? { total_count: 6, row_count: 6 } : { totalCount: 6, rowCount: 6 };
      expect(seen).toStrictEqual({
        got: shown,
        dated: '2024-05-06T07:08:09.000Z',
        lastTwo: contents.slice(4),
        window: WINDOW,
        repeated: ['ping', 'pong', 'ping'],
        all: { ...counts, messages: contents },
        first: contents.slice(0, 4),
        second: contents.slice(4),
        third: [],
        one: { ...fields, uuid: UUID, ...shown[0] },
        patched: PATCHED,
        again: PATCHED,
        ofUser: expect.any(Array),
        ofSession: expect.any(Array),
        scores: seen.ofSession.map(() => 'number'),
        foundRole: 'tool',
        elsewhere: 0,
        limited: 1,
        unknownMessage: NOT_FOUND,
        unknownMessages: NOT_FOUND,
        unknownMemory: NOT_FOUND,
      });
      expect(seen.ofUser[0]).toStrictEqual(['chat', 'Take an umbrella']);
      expect(seen.ofSession[0]).toBe('Take an umbrella');
    });
  });
});
