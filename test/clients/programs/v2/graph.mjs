// The graph of a user, for the JavaScript clients of the cloud edition that have it.
import { recordWarnings, refusal, report, snake } from '../report.mjs';
import { connect } from './client.mjs';

recordWarnings();
const { graph, memory, user } = connect();
const userId = 'ada';

const before = await user.getNode(userId);
const [lives] = await graph.edge.getByUserId(userId, {});
const [message] = lives.episodes;
const lisbon = lives.targetNodeUuid;

const triple = { userId, fact: 'Ada works at Acme.', factName: 'WORKS_AT' };
const added = await graph.addFactTriple({
  ...triple,
  ...{ sourceNodeName: 'Ada', sourceNodeSummary: 'A mathematician' },
  ...{ targetNodeName: 'Acme', targetNodeSummary: 'Makes anvils' },
  ...{ validAt: '2026-02-03T04:05:06Z', invalidAt: '2027-01-01T00:00:00Z' },
});
const { sourceNode, targetNode, edge } = added;
const again = await graph.addFactTriple({
  ...{ ...triple, validAt: '2026-02-03T04:05:06Z' },
  ...{ sourceNodeUuid: sourceNode.uuid, targetNodeName: 'ACME' },
});

const text = await graph.add({
  ...{ userId, type: 'text', data: 'Ada was born in London', sourceDescription: 'biography' },
  createdAt: '2025-01-02T03:04:05Z',
});
const batch = await graph.addBatch({
  userId,
  episodes: [
    { type: 'json', data: '{"pet":"cat"}' },
    { type: 'message', data: 'Ada: my cat sleeps' },
  ],
});

const search = (query, scope) =>
  graph.search({ userId, query, scope, limit: 5, reranker: 'rrf', minScore: 0 });
/** `null` where the client itself knows no such scope. */
const searchEpisodes = (query) =>
  search(query, 'episodes').catch((error) => {
    if (error.constructor.name !== 'JsonError') throw error;
    return null;
  });
const nodes = await graph.node.getByUserId(userId, {});
const page = await graph.node.getByUserId(userId, { limit: 1, uuidCursor: nodes[0].uuid });
const edges = await graph.edge.getByUserId(userId, {});
const episodes = await graph.episode.getByUserId(userId, { lastn: 2 });
const messages = [{ role: 'Ada', roleType: 'user', content: 'Shall I stay at Acme?' }];

const seen = {
  before,
  added,
  again,
  text,
  batch,
  edges: await search('Where does she work?', 'edges'),
  nodes: await search('Lisbon', 'nodes'),
  kept: await searchEpisodes('born London'),
  said: await searchEpisodes('live Lisbon'),
  listedNodes: nodes.map(({ name }) => name),
  nextNode: page.map(({ name }) => name),
  listedEdges: edges.map(({ fact }) => fact),
  listedEpisodes: episodes.episodes.map(({ content }) => content),
  node: await graph.node.get(targetNode.uuid),
  nodeEdges: (await graph.node.getEdges?.(targetNode.uuid)) ?? null,
  nodeEpisodes: (await graph.node.getEpisodes?.(lisbon)) ?? null,
  edge: await graph.edge.get(edge.uuid),
  episode: await graph.episode.get(text.uuid),
  message: await graph.episode.get(message),
  mentions: await graph.episode.getNodesAndEdges(message),
  facts: await user.getFacts(userId),
  userNode: await user.getNode(userId),
  context: await memory.add('said', { messages, returnContext: true }),
  deletedEdge: await graph.edge.delete(edge.uuid),
  deletedEpisode: await graph.episode.delete(text.uuid),
};
report({
  ...snake(seen),
  goneEdge: await refusal(() => graph.edge.get(edge.uuid)),
  goneEpisode: await refusal(() => graph.episode.get(text.uuid)),
  unknownNode: await refusal(() => graph.node.get(edge.uuid)),
  unknownUser: await refusal(() => user.getFacts('unknown')),
  staying: (await graph.node.get(targetNode.uuid)).name,
  left: (await graph.edge.getByUserId(userId, {})).map(({ fact }) => fact),
});
