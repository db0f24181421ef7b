import { factNamespace } from '../../domain/fact-namespace.ts';
import type { Entity } from '../../domain/facts.ts';
import { type MessagePosition, positionKey } from '../../domain/positions.ts';
import type { Message } from '../../domain/records.ts';
import type { Store } from '../../store/port.ts';
import { bandsOf, isSimilarName, nameKey, shownName } from './entity-names.ts';
import { readRecords } from './read-records.ts';
import { type EntityRecord, entityUuid, marker, markerTerm, toEntity } from './statements.ts';

/** How many terms one look into the index has. */
const TERMS_PER_LOOK = 64;

/** How many records with one marker are looked at: the newest. */
const PER_MARKER = 20;

/** Facts and entities of one user. */
export interface FactPlace {
  store: Store;
  namespace: string;
  user_id: string;
}

/** The records that have markers, by marker, the newest first. */
export async function findMarked(
  place: FactPlace,
  markers: readonly string[],
): Promise<Map<string, Message[]>> {
  const { store, user_id } = place;
  const namespace = factNamespace(place.namespace);
  const words = new Map(markers.map((word) => [markerTerm(word), word]));
  const terms = [...words.keys()];
  const positions = new Map<string, MessagePosition>();
  for (let i = 0; i < terms.length; i += TERMS_PER_LOOK) {
    const found = await store.search.candidates(
      namespace,
      { session_id: user_id },
      { terms: terms.slice(i, i + TERMS_PER_LOOK), also: [], limit: PER_MARKER },
    );
    for (const one of found.candidates) positions.set(positionKey(one), one);
  }
  const messages = await readRecords(store, namespace, [...positions.values()]);
  const marked = new Map<string, Message[]>();
  for (const message of messages.toSorted((a, b) => b.seq - a.seq)) {
    for (const word of message.role.split(' ')) {
      if (!words.has(markerTerm(word))) continue;
      const others = marked.get(word);
      if (others === undefined) marked.set(word, [message]);
      else others.push(message);
    }
  }
  return marked;
}

/** An entity of a call as it is known, and whether it is there already. */
export interface ResolvedEntity extends EntityRecord {
  exists: boolean;
  created_at?: string;
}

/** A name of a call, and what it is looked up by. */
interface Wanted {
  key: string;
  name: string;
  exact: string;
  bands: readonly string[];
}

/**
 * Finds the entities that names stand for: the one with the same name, or one with nearly the same, or a
 * new one. Names of one call that are nearly the same are one entity, too.
 *
 * @param owner the uuid of the user
 * @returns the entities by the keys of the names
 */
export async function resolveEntities(
  place: FactPlace,
  owner: string,
  names: readonly string[],
): Promise<Map<string, ResolvedEntity>> {
  const byKey = new Map<string, Wanted>();
  for (const name of names) {
    const key = nameKey(name);
    if (byKey.has(key)) continue;
    const bands = bandsOf(key).map((band) => marker('entity_band', band));
    byKey.set(key, { key, name: shownName(name), exact: marker('entity_key', key), bands });
  }
  const found = await findMarked(
    place,
    [...byKey.values()].flatMap(({ exact, bands }) => [exact, ...bands]),
  );
  const resolved = new Map<string, ResolvedEntity>();
  const created = new Map<string, Wanted[]>();
  for (const wanted of byKey.values()) {
    const known = knownEntity(wanted, found);
    const other = known === undefined ? similarOf(wanted, created) : undefined;
    resolved.set(
      wanted.key,
      (known && { ...known, exists: true }) ??
        (other && (resolved.get(other.key) as ResolvedEntity)) ?? {
          ...{ uuid: entityUuid(owner, wanted.name), name: wanted.name, exists: false },
        },
    );
    if (known !== undefined || other !== undefined) continue;
    for (const band of wanted.bands) created.set(band, [...(created.get(band) ?? []), wanted]);
  }
  return resolved;
}

/** The stored entity with a name, or with nearly the same. */
function knownEntity(
  { key, exact, bands }: Wanted,
  found: ReadonlyMap<string, Message[]>,
): Entity | undefined {
  const [same] = found.get(exact) ?? [];
  const similar = () =>
    bands
      .flatMap((band) => found.get(band) ?? [])
      .find(({ content }) => isSimilarName(nameKey(content), key));
  const message = same ?? similar();
  return message && toEntity(message);
}

/** An earlier name of the call that is nearly the same. */
function similarOf(
  { key, bands }: Wanted,
  created: ReadonlyMap<string, Wanted[]>,
): Wanted | undefined {
  return bands
    .flatMap((band) => created.get(band) ?? [])
    .find((other) => isSimilarName(other.key, key));
}
