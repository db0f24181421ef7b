import { createHash } from 'node:crypto';
import { derivedUuid } from '../../domain/derived-uuid.ts';
import type { Entity, Fact } from '../../domain/facts.ts';
import type { JsonObject } from '../../domain/metadata.ts';
import type { Message } from '../../domain/records.ts';
import { hasRoleWord } from '../../domain/roles.ts';
import { termsOf } from '../../search/analyzer.ts';
import type { AddedMessage } from '../append.ts';
import { bandsOf, nameKey } from './entity-names.ts';
import {
  keptSources,
  readSources,
  type StoredSource,
  sourcesPatch,
} from './sources/stored-sources.ts';

/**
 * How facts and entities are stored: each is a message of one session per user, in the namespace of facts.
 * So they are written, deleted, restored, purged and searched like messages. The role of the message holds
 * markers: words that no text has, by which others find it.
 */

/** The name and uuid of an entity in a fact. */
export interface EntityReference {
  uuid: string;
  name: string;
}

/** An entity as it is stored. */
export interface EntityRecord extends EntityReference {
  labels?: readonly string[] | undefined;
  summary?: string | undefined;
}

/** A fact with its entities as it is stored. */
export interface StoredFact extends Omit<Fact, 'subject' | 'object' | 'sources'> {
  subject: EntityReference;
  object: EntityReference;
  sources?: StoredSource[];
}

/** The letters of a marker. The one at its end keeps stemmers from changing it. */
const LETTERS = 'bcdfghjkmnpqrtvw';
const MARKER_END = 'x';

type MarkerKind =
  | 'coverage'
  | 'uuid'
  | 'entity'
  | 'entity_key'
  | 'entity_band'
  | 'episode'
  | 'fact'
  | 'fact_of'
  | 'fact_from'
  | 'relation'
  | 'statement';

/** A word that stands for some values. */
export function marker(kind: MarkerKind, ...values: readonly string[]): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([kind, ...values]))
    .digest('hex');
  const letters = [...digest.slice(0, 16)].map((digit) => LETTERS[Number.parseInt(digit, 16)]);
  return `z${letters.join('')}${MARKER_END}`;
}

/** The term by which a marker is in the index. */
export const markerTerm = (word: string): string =>
  termsOf({ role: word, content: '' })[0] as string;

/** Whether a record has a marker. One in its text does not count: anybody can write that. */
export const hasMarker = ({ role }: Pick<Message, 'role'>, word: string): boolean =>
  hasRoleWord(role, word);

export const ALL_FACTS = marker('fact');

/** @param owner the uuid of the user */
export const entityUuid = (owner: string, name: string): string =>
  derivedUuid('entity', owner, nameKey(name));

/** What a fact says, and of when. */
type Statement = Pick<StoredFact, 'subject' | 'predicate' | 'object' | 'fact' | 'valid_at'>;

/** The uuid of a fact: the same for the same statement about the same time. */
export const factUuid = ({ subject, predicate, object, fact, valid_at }: Statement): string =>
  derivedUuid(
    ...['fact', subject.uuid, nameKey(predicate), object.uuid, nameKey(fact), valid_at ?? ''],
  );

/** The marker of all facts with a subject and a predicate. */
export const relationMarker = ({ subject, predicate }: Statement): string =>
  marker('relation', subject.uuid, nameKey(predicate));

/** The marker of the fact that says this, whatever it said at first. */
export const statementMarker = (statement: Statement): string =>
  marker('statement', factUuid(statement));

export function entityMessage({ uuid, name, labels, summary }: EntityRecord): AddedMessage {
  const key = nameKey(name);
  const bands = bandsOf(key).map((band) => marker('entity_band', band));
  return {
    uuid,
    role: [marker('uuid', uuid), marker('entity'), marker('entity_key', key), ...bands].join(' '),
    content: name,
    metadata: {
      kind: 'entity',
      ...(labels !== undefined && { labels: [...labels] }),
      ...(summary !== undefined && { summary }),
    },
  };
}

export function factMessage(stored: Omit<StoredFact, 'created_at'>): AddedMessage {
  const { uuid, subject, predicate, object, fact: text, sources, ...times } = stored;
  const { valid_at, invalid_at, expired_at, superseded_by } = times;
  return {
    uuid,
    role: [
      ...[marker('uuid', uuid), ALL_FACTS, relationMarker(stored), statementMarker(stored)],
      ...[marker('fact_of', subject.uuid), marker('fact_of', object.uuid)],
      ...keptSources(sources).map((source) => marker('fact_from', source.uuid)),
    ].join(' '),
    content: text,
    metadata: {
      ...{ kind: 'fact', subject: { ...subject }, predicate, object: { ...object } },
      ...(valid_at !== undefined && { valid_at }),
      ...(invalid_at !== undefined && { invalid_at }),
      ...(expired_at !== undefined && { expired_at }),
      ...(superseded_by !== undefined && { superseded_by }),
      ...(sources !== undefined && sources.length > 0 && { sources: sourcesPatch(sources) }),
    },
  };
}

/**
 * Whether a stored fact is not found by all that it has: of two calls at once, the one that was stored last
 * knew nothing of the sources of the other.
 */
export function lacksMarkers(message: Message): boolean {
  const fact = toFact(message);
  return fact !== undefined && factMessage(fact).role !== message.role;
}

/** @param source what it came from, such as `text` or `json` */
export const episodeMessage = (
  uuid: string,
  content: string,
  source: { source?: string | undefined; source_description?: string | undefined },
): AddedMessage => ({
  uuid,
  role: [marker('uuid', uuid), marker('episode')].join(' '),
  content,
  metadata: {
    kind: 'episode',
    ...(source.source !== undefined && { source: source.source }),
    ...(source.source_description !== undefined && {
      source_description: source.source_description,
    }),
  },
});

/** A text that was given as a whole, from which facts may be drawn. */
export interface Episode {
  uuid: string;
  content: string;
  source?: string;
  source_description?: string;
  created_at: string;
}

/** `undefined` if a message is no episode. */
export function toEpisode({ uuid, content, metadata, created_at }: Message): Episode | undefined {
  const { kind, source, source_description } = metadata;
  if (kind !== 'episode') return undefined;
  return {
    ...{ uuid, content, created_at },
    ...(typeof source === 'string' && { source }),
    ...(typeof source_description === 'string' && { source_description }),
  };
}

/** `undefined` if a message is no fact. */
export function toFact({ uuid, content, metadata, created_at }: Message): StoredFact | undefined {
  if (metadata.kind !== 'fact') return undefined;
  const { subject, predicate, object, ...rest } = metadata as JsonObject & {
    subject: EntityReference & JsonObject;
    object: EntityReference & JsonObject;
    predicate: string;
  };
  const sources = readSources(metadata.sources);
  const { valid_at, invalid_at, expired_at, superseded_by } = rest as Partial<StoredFact>;
  return {
    ...{ uuid, subject, predicate, object, fact: content, created_at },
    ...(valid_at !== undefined && { valid_at }),
    ...(invalid_at !== undefined && { invalid_at }),
    ...(expired_at !== undefined && { expired_at }),
    ...(superseded_by !== undefined && { superseded_by }),
    ...(sources !== undefined && { sources }),
  };
}

/** `undefined` if a message is no entity. */
export function toEntity(message: Message): Entity | undefined {
  const { uuid, content, metadata, created_at, updated_at } = message;
  if (metadata.kind !== 'entity') return undefined;
  const { labels, summary } = metadata;
  return {
    ...{ uuid, name: content, created_at, updated_at },
    ...(Array.isArray(labels) && { labels: labels as string[] }),
    ...(typeof summary === 'string' && { summary }),
  };
}

/** The records of a user's session of facts, by their kinds. */
export interface RecordsByKind {
  fact: StoredFact;
  entity: Entity;
  episode: Episode;
}

export type RecordKind = keyof RecordsByKind;

const READERS: { [Kind in RecordKind]: (message: Message) => RecordsByKind[Kind] | undefined } = {
  fact: toFact,
  entity: toEntity,
  episode: toEpisode,
};

/** `undefined` if a message is no record of this kind. */
export const toRecord = <Kind extends RecordKind>(
  kind: Kind,
  message: Message,
): RecordsByKind[Kind] | undefined => READERS[kind](message);
