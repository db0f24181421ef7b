import { beforeEach, describe, expect, it } from 'vitest';
import { describeRest } from './describe-rest.ts';

interface Uuid {
  uuid: string;
}

describeRest('REST, the graph of a user', ({ services, send, as }) => {
  const TRIPLE = {
    ...{ user_id: 'ada', fact: 'Ada lives in Lisbon', fact_name: 'LIVES_IN' },
    ...{ source_node_name: 'Ada', target_node_name: 'Lisbon', valid_at: '2026-01-01T00:00:00Z' },
  };

  const addTriple = async (more: object = {}) => {
    const { status, body } = await send('POST', '/api/v2/graph/add-fact-triple', {
      ...TRIPLE,
      ...more,
    });
    expect(status).toBe(200);
    return body as { edge: Uuid; source_node: Uuid; target_node: Uuid };
  };

  const get = async (path: string) => (await send('GET', `/api/v2${path}`)).body;

  beforeEach(async () => {
    await send('POST', '/api/v2/users', { user_id: 'ada', first_name: 'Ada' });
    await send('POST', '/api/v2/users', { user_id: 'bob' });
  });

  it('takes a fact with its entities, and gives them by their uuids', async () => {
    const added = await addTriple();
    expect(added).toMatchObject({
      edge: {
        ...{ name: 'LIVES_IN', fact: 'Ada lives in Lisbon', episodes: [] },
        ...{ source_node_uuid: added.source_node.uuid, valid_at: '2026-01-01T00:00:00.000Z' },
      },
      ...{ source_node: { name: 'Ada' }, target_node: { name: 'Lisbon', summary: '' } },
    });
    expect(await get(`/graph/edge/${added.edge.uuid}`)).toStrictEqual(added.edge);
    expect(await get(`/graph/node/${added.target_node.uuid}`)).toStrictEqual(added.target_node);
    const edges = await get(`/graph/node/${added.target_node.uuid}/entity-edges`);
    expect(edges).toStrictEqual([added.edge]);
    const again = await addTriple();
    expect(again).toStrictEqual(added);
  });

  it('takes the user for an entity that is not named, and an entity by its uuid', async () => {
    const { target_node } = await addTriple();
    const { target_node_name: _, source_node_name: __, ...rest } = TRIPLE;
    const { body } = await send('POST', '/api/v2/graph/add-fact-triple', {
      ...{ ...rest, fact: 'Ada loves Lisbon', target_node_uuid: target_node.uuid },
    });
    expect(body).toMatchObject({ source_node: { name: 'Ada' }, target_node: { name: 'Lisbon' } });
  });

  it('takes what is said of the entities, in the place of what was said before', async () => {
    const bare = await addTriple();
    expect(bare.target_node).toMatchObject({ labels: ['Entity'], summary: '' });
    const { edge: _, ...nodes } = await addTriple({
      ...{ source_node_summary: 'A mathematician', source_node_labels: ['Person'] },
      ...{ target_node_summary: 'On the Tagus', target_node_labels: ['Entity', 'City'] },
    });
    expect(nodes).toMatchObject({
      source_node: { name: 'Ada', labels: ['Entity', 'Person'], summary: 'A mathematician' },
      target_node: { name: 'Lisbon', labels: ['Entity', 'City'], summary: 'On the Tagus' },
    });
    const again = await addTriple({ source_node_summary: '', target_node_summary: 'A harbour' });
    expect(again).toMatchObject({
      source_node: nodes.source_node,
      target_node: { labels: ['Entity', 'City'], summary: 'A harbour' },
    });
    expect(await get(`/graph/node/${again.target_node.uuid}`)).toStrictEqual(again.target_node);
  });

  it('refuses labels and summaries that are too long, and stores nothing then', async () => {
    const wrong = [
      { source_node_summary: 'x'.repeat(2049) },
      { target_node_labels: ['x'.repeat(65)] },
      { target_node_labels: [' '] },
      { target_node_labels: Array.from({ length: 11 }, (_, i) => `label ${i}`) },
    ];
    for (const more of wrong) {
      const body = { ...TRIPLE, ...more };
      const { status } = await send('POST', '/api/v2/graph/add-fact-triple', body);
      expect([more, status]).toStrictEqual([more, 400]);
    }
    expect(await get('/users/ada/facts')).toStrictEqual({ facts: [] });
  });

  it('is searched for facts, entities and what was said', async () => {
    const { edge, target_node } = await addTriple();
    await send('POST', '/api/v2/sessions', { session_id: 's', user_id: 'ada' });
    await send('POST', '/api/v2/sessions/s/memory', {
      messages: [{ role: 'Ada', role_type: 'user', content: 'Lisbon is hilly' }],
    });
    const search = async (scope: string, user_id = 'ada') =>
      (await send('POST', '/api/v2/graph/search', { user_id, query: 'Lisbon', scope })).body;
    expect(await search('edges')).toStrictEqual({ edges: [edge] });
    expect(await search('nodes')).toStrictEqual({ nodes: [target_node] });
    expect(await search('episodes')).toMatchObject({
      episodes: [{ content: 'Lisbon is hilly', role: 'Ada', session_id: 's', source: 'message' }],
    });
    expect(await search('edges', 'bob')).toStrictEqual({ edges: [] });
  });

  it('lists facts and entities, the newest first, from a cursor on', async () => {
    for (const name of ['Lisbon', 'Porto', 'Faro']) {
      services.clock.now += 1000;
      await addTriple({ target_node_name: name, fact: `Ada lives in ${name}` });
    }
    const list = async (kind: string, body: object) =>
      (await send('POST', `/api/v2/graph/${kind}/user/ada`, body)).body as (Uuid & {
        name: string;
      })[];
    const names = (nodes: { name: string }[]) => nodes.map(({ name }) => name);
    const nodes = await list('node', {});
    expect(names(nodes)).toStrictEqual(['Faro', 'Porto', 'Lisbon', 'Ada']);
    const [first] = await list('node', { limit: 1 });
    expect(names(await list('node', { limit: 2, uuid_cursor: first?.uuid }))).toStrictEqual([
      ...['Porto', 'Lisbon'],
    ]);
    expect(await list('edge', {})).toHaveLength(3);
    expect(await get('/users/ada/facts')).toMatchObject({
      facts: [{ fact: 'Ada lives in Faro', target_node_name: 'Faro' }, {}, {}],
    });
  });

  it('has a node for the user, with the facts about who has that name', async () => {
    const before = await get('/users/ada/node');
    expect(before).toMatchObject({
      node: { name: 'Ada', labels: ['Entity', 'User'], summary: '' },
    });
    const { source_node: added } = await addTriple({
      ...{ source_node_name: undefined, source_node_summary: 'A mathematician' },
    });
    const { node } = (await get('/users/ada/node')) as { node: Uuid };
    expect(node).toStrictEqual({ ...added, labels: ['Entity', 'User'] });
    expect(node.uuid).toBe((before as { node: Uuid }).node.uuid);
    expect(await get(`/graph/node/${node.uuid}/entity-edges`)).toHaveLength(1);
  });

  it('names the messages that say a fact, and gives them by their uuids', async () => {
    await send('POST', '/api/v2/sessions', { session_id: 's', user_id: 'ada' });
    const { messages } = await services.memory.add(services.caller, 's', [
      { role: 'user', content: 'I live in Lisbon', parts: [{ name: 'Ada' }] },
      { role: 'user', content: 'I love it' },
    ]);
    const [said = '', other = ''] = messages.map(({ uuid }) => uuid);
    const lives = { subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon' };
    const source = { session_id: 's', uuids: [said] };
    await services.facts.add(services.caller, 'ada', [{ ...lives, fact: 'Ada is there' }], source);
    const [edge] = (await send('POST', '/api/v2/graph/edge/user/ada', {})).body as [
      Uuid & { target_node_uuid: string },
    ];
    expect(edge).toMatchObject({ episodes: [said] });
    const episode = await get(`/graph/episodes/${said}`);
    expect(episode).toStrictEqual({
      ...{ uuid: said, content: 'I live in Lisbon', role: 'Ada', role_type: 'user' },
      ...{ session_id: 's', source: 'message', processed: true, created_at: expect.any(String) },
    });
    const node = edge.target_node_uuid;
    expect(await get(`/graph/node/${node}/episodes`)).toStrictEqual({ episodes: [episode] });
    const mentions = await get(`/graph/episodes/${said}/mentions`);
    expect(mentions).toMatchObject({ edges: [edge], nodes: [{}, { uuid: node }] });
    const statusOf = async (path: string) => (await send('GET', `/api/v2/graph/${path}`)).status;
    expect(await statusOf(`episodes/${other}`)).toBe(404);
    const bob = as({ user_id: 'bob' });
    expect((await bob('GET', `/api/v2/graph/episodes/${said}`)).status).toBe(404);
    expect((await bob('GET', `/api/v2/graph/node/${node}/episodes`)).status).toBe(404);
    await services.memory.delete(services.caller, 's', [said]);
    expect(await statusOf(`episodes/${said}`)).toBe(404);
    expect(await get(`/graph/node/${node}/episodes`)).toStrictEqual({ episodes: [] });
  });

  it('gives and deletes a fact with the names of its entities', async () => {
    const { edge } = await addTriple();
    const path = `/api/v2/facts/${edge.uuid}`;
    expect(await get(`/facts/${edge.uuid}`)).toMatchObject({
      ...{ fact: { uuid: edge.uuid, source_node_name: 'Ada', target_node_name: 'Lisbon' } },
    });
    expect((await as({ user_id: 'bob' })('DELETE', path)).status).toBe(404);
    expect(await send('DELETE', path)).toEqual({ status: 200, body: { message: 'OK' } });
    expect((await send('GET', path)).status).toBe(404);
  });

  it('keeps texts, which are read, listed and deleted', async () => {
    const added = await send('POST', '/api/v2/graph', {
      ...{
        user_id: 'ada',
        type: 'text',
        data: 'Ada was born in Lisbon',
        source_description: 'bio',
      },
    });
    expect(added).toMatchObject({
      status: 200,
      body: { content: 'Ada was born in Lisbon', source: 'text', source_description: 'bio' },
    });
    const { uuid } = added.body as Uuid;
    const batch = await send('POST', '/api/v2/graph-batch', {
      ...{ user_id: 'ada', episodes: [{ type: 'json', data: '{"a":1}' }, { data: 'two' }] },
    });
    expect(batch.body).toMatchObject([{ source: 'json' }, { content: 'two' }]);
    expect(await get(`/graph/episodes/${uuid}`)).toStrictEqual(added.body);
    const { episodes } = (await get('/graph/episodes/user/ada?lastn=2')) as { episodes: Uuid[] };
    expect(episodes).toHaveLength(2);
    expect(await get(`/graph/episodes/${uuid}/mentions`)).toStrictEqual({ edges: [], nodes: [] });
    const deleted = await send('DELETE', `/api/v2/graph/episodes/${uuid}`);
    expect(deleted).toEqual({ status: 200, body: { message: 'OK' } });
    expect((await send('GET', `/api/v2/graph/episodes/${uuid}`)).status).toBe(404);
  });

  it('loses a fact that is deleted, and keeps its entities', async () => {
    const { edge, source_node } = await addTriple();
    expect((await send('DELETE', `/api/v2/graph/edge/${edge.uuid}`)).status).toBe(200);
    expect((await send('GET', `/api/v2/graph/edge/${edge.uuid}`)).status).toBe(404);
    expect(await get(`/graph/node/${source_node.uuid}`)).toStrictEqual(source_node);
  });

  it('gives no record of one kind as another', async () => {
    const { edge, source_node } = await addTriple();
    for (const path of [`edge/${source_node.uuid}`, `node/${edge.uuid}`, `episodes/${edge.uuid}`]) {
      expect((await send('GET', `/api/v2/graph/${path}`)).status).toBe(404);
    }
  });

  it('brings what is relevant to the memory of a session of the user', async () => {
    await addTriple();
    await send('POST', '/api/v2/sessions', { session_id: 's', user_id: 'ada' });
    const messages = [{ role_type: 'user', content: 'Tell me about Lisbon' }];
    const body = { messages, return_context: true };
    const added = await send('POST', '/api/v2/sessions/s/memory', body);
    const memory = await get('/sessions/s/memory');
    expect(memory).toMatchObject({
      relevant_facts: [{ fact: 'Ada lives in Lisbon', valid_at: '2026-01-01T00:00:00.000Z' }],
      context: expect.stringContaining(
        '<FACTS>\n  - Ada lives in Lisbon (2026-01-01 00:00:00 - present)\n</FACTS>',
      ),
    });
    expect(added.body).toStrictEqual({ context: (memory as { context: string }).context });
  });

  describe('is nobody else’s:', () => {
    it('to a caller who is pinned to another user, none of its records exists', async () => {
      const { edge, target_node } = await addTriple();
      const { body } = await send('POST', '/api/v2/graph', { user_id: 'ada', data: 'secret' });
      const bob = as({ user_id: 'bob' });
      const uuids = [
        `edge/${edge.uuid}`,
        `node/${target_node.uuid}`,
        `episodes/${(body as Uuid).uuid}`,
      ];
      for (const path of uuids) {
        expect((await bob('GET', `/api/v2/graph/${path}`)).status).toBe(404);
        expect((await bob('DELETE', `/api/v2/graph/${path}`)).status).toBeGreaterThanOrEqual(404);
      }
      for (const path of ['users/ada/facts', 'users/ada/node', 'graph/episodes/user/ada']) {
        expect((await bob('GET', `/api/v2/${path}`)).status).toBe(404);
      }
      const search = { user_id: 'ada', query: 'Lisbon' };
      expect((await bob('POST', '/api/v2/graph/search', search)).status).toBe(404);
      expect((await bob('POST', '/api/v2/graph/add-fact-triple', TRIPLE)).status).toBe(404);
    });

    it('in another namespace, none of its records exists', async () => {
      const { edge } = await addTriple();
      const other = as({ namespace: `${services.caller.namespace}-other` });
      expect((await other('GET', `/api/v2/graph/edge/${edge.uuid}`)).status).toBe(404);
    });
  });
});
