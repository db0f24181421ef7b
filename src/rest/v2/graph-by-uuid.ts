import { z } from 'zod';
import { nameOfUser } from '../../services/facts/entity-names.ts';
import { userPath, uuidPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { episodeOf, RECORDS_DEFAULT, recordOf } from './graph-lookups.ts';
import {
  edge,
  episode,
  fact,
  messageEpisode,
  node,
  toEdge,
  toEpisode,
  toFact,
  toNode,
} from './graph-records.ts';
import { V2 } from './records.ts';

const { done } = V2;

/** Routes that name a record of a graph by its uuid alone, and those of a user. */
export const GRAPH_RECORD_ROUTES = [
  defineRoute({
    method: 'GET',
    path: '/api/v2/facts/{uuid}',
    summary: 'Get a fact with the names of its entities.',
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: z.object({ fact }),
    async run({ path }, context) {
      return { fact: toFact((await recordOf(context, 'fact', path.uuid)).record) };
    },
  }),
  deleteRoute('/api/v2/facts/{uuid}', 'fact', 'Delete a fact. Its entities stay.'),
  defineRoute({
    method: 'GET',
    path: '/api/v2/graph/edge/{uuid}',
    summary: 'Get a fact.',
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: edge,
    run: async ({ path }, context) => toEdge((await recordOf(context, 'fact', path.uuid)).record),
  }),
  deleteRoute('/api/v2/graph/edge/{uuid}', 'fact', 'Delete a fact. Its entities stay.'),
  defineRoute({
    method: 'GET',
    path: '/api/v2/graph/node/{uuid}',
    summary: 'Get an entity.',
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: node,
    run: async ({ path }, context) => toNode((await recordOf(context, 'entity', path.uuid)).record),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/graph/node/{uuid}/entity-edges',
    summary: 'List the facts about an entity.',
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: z.array(edge),
    async run({ path: { uuid } }, context) {
      const { user_id } = await recordOf(context, 'entity', uuid);
      const query = { include_ended: true, limit: RECORDS_DEFAULT };
      const found = await context.facts.getEntity(context.caller, user_id, { uuid }, query);
      return found.facts.map(toEdge);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/graph/node/{uuid}/episodes',
    summary: 'List the messages that say facts about an entity, those of the newest facts first.',
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: z.object({ episodes: z.array(episode) }),
    async run({ path: { uuid } }, context) {
      const { caller, facts } = context;
      const { user_id } = await recordOf(context, 'entity', uuid);
      const messages = await facts.messagesAbout(caller, user_id, uuid, RECORDS_DEFAULT);
      return { episodes: messages.map(messageEpisode) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/graph/episodes/{uuid}',
    summary: 'Get a text that was kept, or a message that facts name as their source.',
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: episode,
    run: async ({ path }, context) => (await episodeOf(context, path.uuid)).episode,
  }),
  deleteRoute('/api/v2/graph/episodes/{uuid}', 'episode', 'Delete a text that was kept.'),
  defineRoute({
    method: 'GET',
    path: '/api/v2/graph/episodes/{uuid}/mentions',
    summary: 'List the facts that a text or a message is the source of, and their entities.',
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: z.object({ edges: z.array(edge), nodes: z.array(node) }),
    async run({ path: { uuid } }, context) {
      const { caller, facts } = context;
      const { user_id } = await episodeOf(context, uuid);
      const edges = await facts.factsFrom(caller, user_id, uuid, RECORDS_DEFAULT);
      const uuids = new Set(edges.flatMap(({ subject, object }) => [subject.uuid, object.uuid]));
      const nodes = await Promise.all(
        [...uuids].map((one) => facts.getRecord(caller, user_id, 'entity', one)),
      );
      return { edges: edges.map(toEdge), nodes: nodes.map(toNode) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/graph/episodes/user/{user_id}',
    summary: 'List the texts that were kept about a user, the newest first.',
    toolset: 'memory',
    request: {
      path: userPath,
      query: z.object({ lastn: z.int().min(1).max(1000).optional() }),
    },
    status: 200,
    answer: z.object({ episodes: z.array(episode) }),
    async run({ path: { user_id }, query: { lastn: limit = RECORDS_DEFAULT } }, context) {
      const found = await context.facts.list(context.caller, user_id, 'episode', { limit });
      return { episodes: found.map(toEpisode) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/users/{user_id}/facts',
    summary: 'List the facts about a user, the newest first.',
    toolset: 'memory',
    request: { path: userPath },
    status: 200,
    answer: z.object({ facts: z.array(fact) }),
    async run({ path: { user_id } }, context) {
      const limit = RECORDS_DEFAULT;
      const found = await context.facts.list(context.caller, user_id, 'fact', { limit });
      return { facts: found.map(toFact) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/users/{user_id}/node',
    summary: 'Get the entity that stands for a user.',
    toolset: 'memory',
    request: { path: userPath },
    status: 200,
    answer: z.object({ node }),
    async run({ path: { user_id } }, { caller, facts, users }) {
      const user = await users.get(caller, user_id);
      const entity = await facts.entityNamed(caller, user_id, nameOfUser(user));
      const { labels = [], created_at = user.created_at } = entity;
      return { node: toNode({ ...entity, created_at, labels: ['User', ...labels] }) };
    },
  }),
];

/** The route that deletes a record of one kind. */
function deleteRoute(path: string, kind: 'fact' | 'episode', summary: string) {
  return defineRoute({
    method: 'DELETE',
    path,
    summary,
    toolset: 'memory',
    request: { path: uuidPath },
    status: 200,
    answer: done.schema,
    async run({ path: { uuid } }, context) {
      const { user_id } = await recordOf(context, kind, uuid);
      await context.facts.delete(context.caller, user_id, [uuid]);
      return done.show();
    },
  });
}
