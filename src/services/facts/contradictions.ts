import { factNamespace } from '../../domain/fact-namespace.ts';
import { endedBy } from './ended.ts';
import { nameKey } from './entity-names.ts';
import { overlaps } from './fact-times.ts';
import type { FactPlace } from './lookup.ts';
import { type StoredFact, toFact } from './statements.ts';

/** What a fact contradicts, as whoever states it says. */
export interface Contradiction {
  /** The uuids of known facts. */
  uuids: readonly string[];
  /** When the fact was said: since then it holds, if it does not say itself since when. */
  said_at: string;
}

/** A fact of a call, and whether it was known before. */
interface Stated {
  fact: StoredFact;
  isNew: boolean;
  contradiction: Contradiction | undefined;
}

/**
 * The facts that end because others contradict them, by their uuids, as they are then: the older one of two
 * ends where the newer one begins, and names it. That may be the fact of the call.
 *
 * It takes both: that they are said to contradict each other, and that they can. They can if they hold at the
 * same time, and are about the same two entities, or about one in the same place with the same predicate. A
 * fact that is known already ends none: it was found again in an old message.
 */
export async function contradictedFacts(
  { store, namespace, user_id }: FactPlace,
  stated: readonly Stated[],
  now: string,
): Promise<Map<string, StoredFact>> {
  const scope = { namespace: factNamespace(namespace) };
  const ended = new Map<string, StoredFact>();
  for (const { fact: first, isNew, contradiction } of stated) {
    if (!isNew || contradiction === undefined) continue;
    let fact = first;
    for (const uuid of contradiction.uuids) {
      const { message } = await store.messages.find(scope, user_id, uuid);
      const known = ended.get(uuid) ?? (message && toFact(message));
      if (known === undefined || !canContradict(known, fact)) continue;
      const begins = fact.valid_at ?? contradiction.said_at;
      if (!overlaps(known, { ...fact, valid_at: begins })) continue;
      const before = known.valid_at ?? '';
      if (before < begins) ended.set(uuid, endedBy(known, fact, begins, now));
      if (before > begins) {
        fact = endedBy(fact, known, before, now);
        ended.set(fact.uuid, fact);
      }
    }
  }
  return ended;
}

function canContradict(a: StoredFact, b: StoredFact): boolean {
  const [subject, object] = [a.subject.uuid, a.object.uuid];
  const isSamePair =
    (subject === b.subject.uuid && object === b.object.uuid) ||
    (subject === b.object.uuid && object === b.subject.uuid);
  const sharesPlace = subject === b.subject.uuid || object === b.object.uuid;
  return isSamePair || (sharesPlace && nameKey(a.predicate) === nameKey(b.predicate));
}
