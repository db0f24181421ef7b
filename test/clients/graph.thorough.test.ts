import { describe, expect } from 'vitest';
import { connectV2 } from '../support/clients.ts';
import { V2_CLIENTS } from '../support/zep-clients.ts';
import { type ProgramAddress, runProgram } from '../support/zep-programs.ts';
import { describeZepServers, itWithEach } from '../support/zep-servers.ts';

const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const NOT_FOUND = { error: 'NotFoundError', status: 404 };
const OK = { message: 'OK' };

/** Those of the edition that has no graph. */
const GRAPH_CLIENTS = V2_CLIENTS.filter(({ module }) => /cloud/.test(module));

const SINCE_MAY = '2026-05-01T00:00:00.000Z';
const LIVES = {
  ...{ uuid: UUID, created_at: TIME, fact: 'Ada lives in Lisbon.', valid_at: SINCE_MAY },
};
/** As memory shows it, and as a fact by itself. */
const RELEVANT = { ...LIVES, content: LIVES.fact };
const ALONE = {
  ...{ ...RELEVANT, name: 'LIVES_IN', source_node_name: 'Ada', target_node_name: 'Lisbon' },
};

const contextOf = (...facts: string[]) => `
FACTS and ENTITIES represent relevant context to the current conversation.

# These are the most relevant facts and their valid date ranges
# format: FACT (Date range: from - to)
<FACTS>
${facts.map((fact) => `  - ${fact}`).join('\n')}
</FACTS>
`;
const LIVES_LINE = 'Ada lives in Lisbon. (2026-05-01 00:00:00 - present)';
const WORKS_LINE = '  - Ada works at Acme. (2026-02-03 04:05:06 - 2027-01-01 00:00:00)\n';

/** A user with what an agent knows of her by a message. No original client says which message says a fact. */
async function prepare({ url, key }: ProgramAddress): Promise<ProgramAddress> {
  const agent = await connectV2({ http: new URL('/mcp', url), token: key }, 'v2');
  const call = async (tool: string, args: Record<string, unknown>) => {
    const { isError, text, content } = await agent.callTool(tool, args);
    expect(isError, text).toBe(false);
    return content;
  };
  await call('add_user', { user_id: 'ada', first_name: 'Ada' });
  await call('add_session', { session_id: 'said', user_id: 'ada' });
  const messages = [{ role: 'user', content: 'I live in Lisbon' }];
  const { messages: stored } = await call('add_memory', { session_id: 'said', messages });
  const lives = { subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: LIVES.fact };
  await call('add_facts', {
    user_id: 'ada',
    facts: [{ ...lives, valid_at: SINCE_MAY }],
    source: { session_id: 'said', uuids: [stored[0].uuid] },
  });
  await agent.close();
  return { url, key };
}

describeZepServers('what is known about a user', V2_CLIENTS, (server) => {
  describe('as memory shows it', () => {
    itWithEach(V2_CLIENTS, 'is read, and deleted fact by fact', async (client) => {
      const seen = await runProgram(client, 'v2/facts', await prepare(server.fresh()));
      expect(seen).toStrictEqual({
        context: contextOf(LIVES_LINE),
        relevant: [RELEVANT],
        one: ALONE,
        deleted: GRAPH_CLIENTS.includes(client) ? OK : null,
        gone: NOT_FOUND,
        goneAgain: NOT_FOUND,
        left: [],
      });
      expect(seen.one.uuid).toBe(seen.relevant[0].uuid);
    });
  });

  describe('as a graph', () => {
    itWithEach(GRAPH_CLIENTS, 'is added to, searched, read, listed and deleted', async (client) => {
      const seen = await runProgram(client, 'v2/graph', await prepare(server.fresh()));
      const { source_node: ada, target_node: acme, edge: works } = seen.added;
      const [lives] = seen.mentions.edges;
      const [message] = lives.episodes;
      const uuid = UUID;
      const node = { uuid, created_at: TIME, labels: ['Entity'], summary: '' };
      const episode = { uuid, created_at: TIME, processed: true };
      const kept = { ...episode, content: 'Ada was born in London', source: 'text' };
      const text = {
        ...{ ...kept, created_at: '2025-01-02T03:04:05.000Z', source_description: 'biography' },
      };
      const said = {
        ...{ ...episode, uuid: message, content: 'I live in Lisbon', source: 'message' },
        ...{ role_type: 'user', session_id: 'said' },
      };
      const workedAt = {
        ...{ uuid: works.uuid, created_at: TIME, fact: 'Ada works at Acme.' },
        ...{ valid_at: '2026-02-03T04:05:06.000Z', invalid_at: '2027-01-01T00:00:00.000Z' },
      };
      // The oldest of the JavaScript clients has no lists about a node, and searches no episodes.
      const isOldest = client.name.endsWith(' 2.12.0');
      expect(seen).toStrictEqual({
        before: { node: { ...node, uuid: ada.uuid, name: 'Ada', labels: ['Entity', 'User'] } },
        added: {
          edge: {
            ...{ ...workedAt, name: 'WORKS_AT', episodes: [] },
            ...{ source_node_uuid: ada.uuid, target_node_uuid: acme.uuid },
          },
          source_node: { ...node, name: 'Ada', summary: 'A mathematician' },
          target_node: { ...node, name: 'Acme', summary: 'Makes anvils' },
        },
        again: seen.added,
        text,
        batch: [
          { ...episode, content: '{"pet":"cat"}', source: 'json' },
          { ...episode, content: 'Ada: my cat sleeps', source: 'message' },
        ],
        edges: { edges: [works] },
        nodes: { nodes: [{ ...node, name: 'Lisbon' }] },
        kept: isOldest ? null : { episodes: [text] },
        said: isOldest ? null : { episodes: [said] },
        listed_nodes: ['Acme', 'Lisbon', 'Ada'],
        next_node: ['Lisbon'],
        listed_edges: ['Ada works at Acme.', 'Ada lives in Lisbon.'],
        listed_episodes: ['Ada: my cat sleeps', '{"pet":"cat"}'],
        node: acme,
        node_edges: isOldest ? null : [works],
        node_episodes: isOldest ? null : { episodes: [said] },
        edge: works,
        episode: text,
        message: said,
        mentions: {
          edges: [
            {
              ...{ ...LIVES, name: 'LIVES_IN', episodes: [message] },
              ...{ source_node_uuid: ada.uuid, target_node_uuid: seen.nodes.nodes[0].uuid },
            },
          ],
          nodes: [ada, seen.nodes.nodes[0]],
        },
        facts: {
          facts: [
            {
              ...{ ...workedAt, content: workedAt.fact, name: 'WORKS_AT' },
              ...{ source_node_name: 'Ada', target_node_name: 'Acme' },
            },
            ALONE,
          ],
        },
        user_node: { node: { ...ada, labels: ['Entity', 'User'] } },
        context: { context: expect.stringContaining(WORKS_LINE) },
        deleted_edge: OK,
        deleted_episode: OK,
        goneEdge: NOT_FOUND,
        // The clients have no class of their own for this error of this call.
        goneEpisode: { error: client.language === 'Python' ? 'ApiError' : 'ZepError', status: 404 },
        unknownNode: NOT_FOUND,
        unknownUser: NOT_FOUND,
        staying: 'Acme',
        left: ['Ada lives in Lisbon.'],
      });
      expect([seen.text.uuid, seen.message.uuid]).toStrictEqual([seen.episode.uuid, message]);
    });
  });
});
