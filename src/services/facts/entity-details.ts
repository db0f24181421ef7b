import { nameKey, shownName } from './entity-names.ts';
import type { ResolvedEntity } from './lookup.ts';
import type { EntityRecord } from './statements.ts';

/** What a call says of an entity beside the facts about it. */
export interface EntityDetail {
  name: string;
  /** What kinds of things it is, such as Person. */
  labels?: readonly string[] | undefined;
  summary?: string | undefined;
  /** Whether it takes the place of what is known already; otherwise that stays. */
  replaces?: boolean | undefined;
}

/**
 * The entities that a call has to store: those that come to be with its facts, and those of which it says
 * something new. An entity that is not there and that no fact of the call names is left out.
 *
 * @param entities all that the call names, by the keys of their names
 * @param inFacts the uuids of those that its facts name
 */
export function entitiesToStore(
  entities: ReadonlyMap<string, ResolvedEntity>,
  inFacts: ReadonlySet<string>,
  details: readonly EntityDetail[],
): EntityRecord[] {
  const changed = new Map<string, EntityRecord>();
  for (const entity of entities.values()) {
    if (!entity.exists && inFacts.has(entity.uuid)) changed.set(entity.uuid, entity);
  }
  for (const detail of details) {
    const entity = entities.get(nameKey(detail.name)) as ResolvedEntity;
    if (!entity.exists && !inFacts.has(entity.uuid)) continue;
    const before = changed.get(entity.uuid) ?? entity;
    const after = withDetail(before, detail);
    if (after !== before) changed.set(entity.uuid, after);
  }
  return [...changed.values()];
}

/** @returns `entity` itself if the detail changes nothing */
function withDetail(entity: EntityRecord, { replaces = false, ...said }: EntityDetail) {
  const labels = [...new Set(said.labels?.map(shownName))];
  const summary = said.summary?.trim() ?? '';
  const hasLabels = labels.length > 0 && (replaces || entity.labels === undefined);
  const hasSummary = summary !== '' && (replaces || entity.summary === undefined);
  const after = {
    ...entity,
    ...(hasLabels && { labels }),
    ...(hasSummary && { summary }),
  };
  const isSame =
    after.summary === entity.summary && after.labels?.join('\n') === entity.labels?.join('\n');
  return isSame ? entity : after;
}
