import { factNamespace } from '../../domain/fact-namespace.ts';
import type { Message } from '../../domain/records.ts';
import type { Candidate } from '../../search/bm25.ts';
import type { Store } from '../../store/port.ts';
import { bandsOf, isSimilarName, nameKey } from './entity-names.ts';
import { type EntityReference, entityUuid, marker, markerTerm } from './statements.ts';

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

/** The records that have markers, by marker. Records that were found before are the newest. */
export async function findMarked(
  place: FactPlace,
  markers: readonly string[],
): Promise<Map<string, Message[]>> {
  const { store, user_id } = place;
  const namespace = factNamespace(place.namespace);
  const words = new Map(markers.map((word) => [markerTerm(word), word]));
  const terms = [...words.keys()];
  const candidates = new Map<string, Candidate>();
  for (let i = 0; i < terms.length; i += TERMS_PER_LOOK) {
    const found = await store.search.candidates(
      namespace,
      { session_id: user_id },
      { terms: terms.slice(i, i + TERMS_PER_LOOK), also: [], limit: PER_MARKER },
    );
    for (const one of found.candidates) candidates.set(`${one.session_uuid} ${one.seq}`, one);
  }
  if (candidates.size === 0) return new Map();
  const positions = [...candidates.values()].map(({ session_id, session_uuid, seq }) => ({
    ...{ session_id, session_uuid, seq },
  }));
  const { messages } = await store.search.findByPosition(namespace, positions, {
    metadataMaxBytes: 0,
    enough: { total: Number.POSITIVE_INFINITY, each: 0 },
  });
  const marked = new Map<string, Message[]>();
  for (const { message } of messages) {
    for (const word of message.role.split(' ')) {
      if (!words.has(markerTerm(word))) continue;
      const others = marked.get(word);
      if (others === undefined) marked.set(word, [message]);
      else others.push(message);
    }
  }
  return marked;
}

/** An entity of a call, and whether it is there already. */
export interface ResolvedEntity extends EntityReference {
  exists: boolean;
}

/**
 * Finds the entities that names stand for: the one with the same name, or one with nearly the same, or a
 * new one.
 *
 * @param owner the uuid of the user
 * @returns the entities by the keys of the names
 */
export async function resolveEntities(
  place: FactPlace,
  owner: string,
  names: readonly string[],
): Promise<Map<string, ResolvedEntity>> {
  const byKey = new Map(names.map((name) => [nameKey(name), name]));
  const wanted = [...byKey.keys()].map((key) => ({
    key,
    exact: marker('entity_key', key),
    bands: bandsOf(key).map((band) => marker('entity_band', band)),
  }));
  const found = await findMarked(
    place,
    wanted.flatMap(({ exact, bands }) => [exact, ...bands]),
  );
  const resolved = new Map<string, ResolvedEntity>();
  for (const { key, exact, bands } of wanted) {
    const [same] = found.get(exact) ?? [];
    const similar =
      same ??
      bands
        .flatMap((band) => found.get(band) ?? [])
        .find(({ content }) => isSimilarName(nameKey(content), key));
    const name = byKey.get(key) as string;
    resolved.set(
      key,
      similar === undefined
        ? { uuid: entityUuid(owner, name), name, exists: false }
        : { uuid: similar.uuid, name: similar.content, exists: true },
    );
  }
  return resolved;
}
