import { factNamespace } from '../../domain/fact-namespace.ts';
import { FACTS_PER_CALL } from '../../domain/facts.ts';
import { ServiceError } from '../errors.ts';
import type { FactPlace } from './lookup.ts';
import { type StoredFact, toFact } from './statements.ts';

/** A fact, and the uuids of those that end with it. */
export interface Ender {
  fact: StoredFact;
  supersedes: readonly string[];
}

/**
 * The facts that end with facts of the call, by their uuids, as they are then. A fact ends where the other
 * begins, and not before it has begun itself. One that had ended before keeps that end.
 *
 * @throws ServiceError NOT_FOUND if one of them does not exist; INVALID_ARGUMENT for a fact that ends itself,
 *   and for too many
 */
export async function endedFacts(
  { store, namespace, user_id }: FactPlace,
  enders: readonly Ender[],
  now: string,
): Promise<Map<string, StoredFact>> {
  const ends = new Map<string, StoredFact>();
  for (const [index, { fact, supersedes }] of enders.entries()) {
    for (const uuid of supersedes) {
      if (uuid === fact.uuid)
        throw new ServiceError({ kind: 'fact_supersedes_itself', index, uuid });
      ends.set(uuid, fact);
    }
  }
  if (ends.size > FACTS_PER_CALL) {
    const count = ends.size;
    throw new ServiceError({ kind: 'too_many_superseded', count, max: FACTS_PER_CALL });
  }
  const scope = { namespace: factNamespace(namespace) };
  const missing: string[] = [];
  const ended = new Map<string, StoredFact>();
  await Promise.all(
    [...ends].map(async ([uuid, ender]) => {
      const { message } = await store.messages.find(scope, user_id, uuid);
      const old = message && toFact(message);
      if (old === undefined) missing.push(uuid);
      else ended.set(uuid, superseded(old, ender, now));
    }),
  );
  if (missing.length > 0) throw new ServiceError({ kind: 'facts_not_found', uuids: missing });
  return ended;
}

/**
 * A fact as it is once another has ended it.
 *
 * @param invalid_at until when it held
 * @param now when it was ended
 */
export const endedBy = (
  old: StoredFact,
  ender: StoredFact,
  invalid_at: string,
  now: string,
): StoredFact => ({ ...old, invalid_at, expired_at: now, superseded_by: ender.uuid });

function superseded(old: StoredFact, ender: StoredFact, now: string): StoredFact {
  // The call is repeated: nothing changes.
  if (old.superseded_by === ender.uuid) return old;
  const begun = later(ender.valid_at ?? now, old.valid_at);
  const { invalid_at } = old;
  return endedBy(
    old,
    ender,
    invalid_at !== undefined && invalid_at < begun ? invalid_at : begun,
    now,
  );
}

const later = (time: string, other: string | undefined): string =>
  other !== undefined && other > time ? other : time;
