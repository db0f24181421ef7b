import { z } from 'zod';
import type { Entity } from '../../domain/facts.ts';
import type { Message } from '../../domain/records.ts';
import { timestamp } from '../../domain/records.ts';
import type { ContextFact } from '../../services/context/facts.ts';
import type { EntityDetail } from '../../services/facts/entity-details.ts';
import type { EntityRecord, Episode, StoredFact } from '../../services/facts/statements.ts';
import { toMessage } from './records.ts';

/** Facts, entities and episodes as the clients know them. */

const times = {
  valid_at: timestamp.optional(),
  invalid_at: timestamp.optional(),
  expired_at: timestamp.optional(),
};

export const edge = z.object({
  uuid: z.string(),
  name: z.string(),
  fact: z.string(),
  source_node_uuid: z.string(),
  target_node_uuid: z.string(),
  created_at: timestamp,
  episodes: z.array(z.string()),
  ...times,
});

export const node = z.object({
  uuid: z.string(),
  name: z.string(),
  summary: z.string(),
  created_at: timestamp,
  labels: z.array(z.string()),
});

export const episode = z.object({
  uuid: z.string(),
  content: z.string(),
  created_at: timestamp,
  processed: z.boolean(),
  source: z.string().optional(),
  source_description: z.string().optional(),
  role: z.string().optional(),
  role_type: z.string().optional(),
  session_id: z.string().optional(),
});

export const fact = z.object({
  uuid: z.string(),
  created_at: timestamp,
  fact: z.string(),
  content: z.string(),
  name: z.string().optional(),
  source_node_name: z.string().optional(),
  target_node_name: z.string().optional(),
  ...times,
});

const timesOf = ({ valid_at, invalid_at, expired_at }: Partial<StoredFact>) => ({
  ...{ valid_at, invalid_at, expired_at },
});

export const toEdge = (stored: StoredFact): z.input<typeof edge> => ({
  uuid: stored.uuid,
  name: stored.predicate,
  fact: stored.fact,
  source_node_uuid: stored.subject.uuid,
  target_node_uuid: stored.object.uuid,
  created_at: stored.created_at,
  episodes: (stored.sources ?? []).map(({ uuid }) => uuid),
  ...timesOf(stored),
});

/** What of an entity a node shows. */
type NodeRecord = EntityRecord & Pick<Entity, 'created_at'>;

/** The label that every node has. */
const COMMON_LABEL = 'Entity';

export const toNode = ({
  uuid,
  name,
  summary = '',
  created_at,
  labels = [],
}: NodeRecord): z.input<typeof node> => ({
  ...{ uuid, name, summary, created_at, labels: [COMMON_LABEL, ...labels] },
});

/** What a request says of a node. It takes the place of what is known. */
export const detailOf = (
  name: string,
  labels: readonly string[] = [],
  summary: string | undefined,
): EntityDetail => ({
  ...{ name, summary, replaces: true },
  labels: labels.filter((label) => label !== COMMON_LABEL),
});

export const toFact = (stored: StoredFact): z.input<typeof fact> => ({
  ...toContextFact(stored),
  name: stored.predicate,
  source_node_name: stored.subject.name,
  target_node_name: stored.object.name,
  ...timesOf(stored),
});

export const toContextFact = (stored: ContextFact): z.input<typeof fact> => ({
  ...{ uuid: stored.uuid, created_at: stored.created_at, fact: stored.fact, content: stored.fact },
  ...timesOf(stored),
});

export const toEpisode = (stored: Episode): z.input<typeof episode> => ({
  ...stored,
  processed: true,
});

/** A message of a session is an episode, too. */
export function messageEpisode(message: Message): z.input<typeof episode> {
  const { uuid, content, created_at, role, role_type } = toMessage(message);
  const { session_id } = message;
  return {
    uuid,
    content,
    created_at,
    role,
    role_type,
    session_id,
    source: 'message',
    processed: true,
  };
}
