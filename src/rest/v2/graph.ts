import { z } from 'zod';
import {
  entityLabels,
  entityName,
  entitySummary,
  factText,
  predicate,
} from '../../domain/facts.ts';
import { content, messageUuid, time, userId } from '../../domain/records.ts';
import type { RecordKind, RecordsByKind } from '../../services/facts/statements.ts';
import { userPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { nameOf, RECORDS_DEFAULT } from './graph-lookups.ts';
import {
  detailOf,
  edge,
  episode,
  messageEpisode,
  node,
  toEdge,
  toEpisode,
  toNode,
} from './graph-records.ts';

const QUERY_MAX_LENGTH = 8192;
const HITS_DEFAULT = 10;
const HITS_MAX = 50;
const EPISODES_PER_CALL = 20;
const RECORDS_MAX = 1000;

const newEpisode = z.object({
  data: content,
  type: z.enum(['text', 'json', 'message']).optional(),
  created_at: time().optional(),
  source_description: z.string().max(1024).optional(),
});

const episodeText = ({ data, type, ...rest }: z.output<typeof newEpisode>) => ({
  ...{ ...rest, content: data, source: type ?? 'text' },
});

export const GRAPH_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v2/graph',
    summary: 'Keep a text about a user.',
    toolset: 'memory',
    request: { body: newEpisode.extend({ user_id: userId }) },
    status: 200,
    answer: episode,
    async run({ body: { user_id, ...one } }, { caller, facts }) {
      const [added] = await facts.addEpisodes(caller, user_id, [episodeText(one)]);
      return toEpisode(added as NonNullable<typeof added>);
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v2/graph-batch',
    summary: 'Keep several texts about a user.',
    toolset: 'memory',
    request: {
      body: z.object({
        user_id: userId,
        episodes: z.array(newEpisode).min(1).max(EPISODES_PER_CALL),
      }),
    },
    status: 200,
    answer: z.array(episode),
    async run({ body: { user_id, episodes } }, { caller, facts }) {
      const added = await facts.addEpisodes(caller, user_id, episodes.map(episodeText));
      return added.map(toEpisode);
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v2/graph/add-fact-triple',
    summary: 'Add a fact with its two entities.',
    toolset: 'memory',
    request: {
      body: z.object({
        user_id: userId,
        fact: factText,
        fact_name: predicate,
        source_node_name: entityName.optional(),
        source_node_uuid: messageUuid.optional(),
        source_node_labels: entityLabels.optional(),
        source_node_summary: entitySummary.optional(),
        target_node_name: entityName.optional(),
        target_node_uuid: messageUuid.optional(),
        target_node_labels: entityLabels.optional(),
        target_node_summary: entitySummary.optional(),
        valid_at: time().optional(),
        invalid_at: time().optional(),
      }),
    },
    status: 200,
    answer: z.object({ edge, source_node: node, target_node: node }),
    async run({ body }, context) {
      const { caller, facts } = context;
      const { user_id, fact, fact_name, valid_at, invalid_at } = body;
      const subject = await nameOf(context, user_id, body.source_node_name, body.source_node_uuid);
      const object = await nameOf(context, user_id, body.target_node_name, body.target_node_uuid);
      const stated = { subject, predicate: fact_name, object, fact, valid_at, invalid_at };
      const details = [
        detailOf(subject, body.source_node_labels, body.source_node_summary),
        detailOf(object, body.target_node_labels, body.target_node_summary),
      ];
      const [added] = await facts.add(caller, user_id, [stated], undefined, details);
      const { uuid } = (added as NonNullable<typeof added>).fact;
      // Read back: it has the time at which it was stored.
      const stored = await facts.getRecord(caller, user_id, 'fact', uuid);
      const [source_node, target_node] = await Promise.all(
        [stored.subject, stored.object].map(async ({ uuid }) =>
          toNode(await facts.findEntity(caller, user_id, uuid)),
        ),
      );
      return {
        edge: toEdge(stored),
        source_node: source_node as NonNullable<typeof source_node>,
        target_node: target_node as NonNullable<typeof target_node>,
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v2/graph/search',
    summary: 'Search facts, entities, or what was said.',
    toolset: 'memory',
    reads: true,
    request: {
      body: z.object({
        user_id: userId,
        query: z.string().min(1).max(QUERY_MAX_LENGTH),
        scope: z.enum(['edges', 'nodes', 'episodes']).optional(),
        limit: z.int().min(1).max(HITS_MAX).optional(),
      }),
    },
    status: 200,
    answer: z.object({
      edges: z.array(edge).optional(),
      nodes: z.array(node).optional(),
      episodes: z.array(episode).optional(),
    }),
    async run({ body: { user_id, query, scope = 'edges', limit = HITS_DEFAULT } }, context) {
      const { caller, facts, search } = context;
      if (scope === 'edges') {
        const found = await facts.search(caller, user_id, { query, limit, include_ended: true });
        return { edges: found.facts.map(toEdge) };
      }
      if (scope === 'nodes') {
        const found = await facts.searchRecords(caller, user_id, 'entity', query, limit);
        return { nodes: found.map(toNode) };
      }
      const kept = await facts.searchRecords(caller, user_id, 'episode', query, limit);
      const { hits } = await search.search(caller, { query, user_id, limit });
      const said = hits.map(({ message }) => messageEpisode(message));
      return { episodes: [...said, ...kept.map(toEpisode)].slice(0, limit) };
    },
  }),
  listRoute('entity', {
    path: '/api/v2/graph/node/user/{user_id}',
    summary: 'List the entities of a user, the newest first.',
    schema: node,
    show: toNode,
  }),
  listRoute('fact', {
    path: '/api/v2/graph/edge/user/{user_id}',
    summary: 'List the facts about a user, the newest first.',
    schema: edge,
    show: toEdge,
  }),
];

/** The route that lists a user's records of one kind, page by page. */
function listRoute<Kind extends RecordKind, Schema extends z.ZodType>(
  kind: Kind,
  {
    path,
    summary,
    schema,
    show,
  }: {
    path: string;
    summary: string;
    schema: Schema;
    show(record: RecordsByKind[Kind]): z.input<Schema>;
  },
) {
  return defineRoute({
    method: 'POST',
    path,
    summary,
    toolset: 'memory',
    reads: true,
    request: {
      path: userPath,
      body: z.object({
        limit: z.int().min(1).max(RECORDS_MAX).optional(),
        uuid_cursor: messageUuid.optional(),
      }),
    },
    status: 200,
    answer: z.array(schema),
    async run({ path: { user_id }, body: { limit = RECORDS_DEFAULT, uuid_cursor } }, context) {
      const { caller, facts } = context;
      const found = await facts.list(caller, user_id, kind, { limit, before: uuid_cursor });
      return found.map(show);
    },
  });
}
