import { factNamespace } from '../../domain/fact-namespace.ts';
import { jsonBytes } from '../../domain/metadata.ts';
import { timestamp } from '../../domain/times.ts';
import type { Store } from '../../store/port.ts';
import type { Dependencies } from '../dependencies.ts';
import { holdsAt, type StoredFact, toFact } from '../facts/statements.ts';
import { rankLexically } from '../search/lexical.ts';

/** How many of the best facts are read. */
const BEST = 60;

/** What a fact takes in an answer beside its fields, in bytes. */
const OVERHEAD_BYTES = 32;

/** The last messages of a session, as a question. */
export interface ContextQuestion {
  namespace: string;
  user_id: string;
  /** The newest of them. */
  newest: string;
  /** The terms of all of them. */
  terms: readonly string[];
}

/** A fact as a context has it. */
export type ContextFact = Pick<
  StoredFact,
  'uuid' | 'fact' | 'valid_at' | 'invalid_at' | 'created_at'
>;

/** The facts about a user that hold now and are most relevant to a question, the best first. */
export async function relevantFacts(
  deps: Dependencies,
  store: Store,
  { namespace, user_id, newest, terms }: ContextQuestion,
  maxBytes: number,
): Promise<ContextFact[]> {
  const place = factNamespace(namespace);
  const query = { question: newest, metadata: { kind: 'fact' } };
  const scope = { session_id: user_id };
  const { ranked } = await rankLexically(store, place, scope, query, deps.now(), terms);
  if (ranked.length === 0) return [];
  const places = ranked.slice(0, BEST).map((one) => one.place);
  const { messages } = await store.search.findByPosition(place, places, {
    metadataMaxBytes: 0,
    enough: { total: Number.POSITIVE_INFINITY, each: 0 },
  });
  const now = timestamp(deps.now());
  const facts = messages.flatMap(({ message }) => toFact(message) ?? []);
  const holding = facts.filter((fact) => holdsAt(fact, now));
  const supported = await Promise.all(holding.map((fact) => isSupported(store, namespace, fact)));
  const chosen: ContextFact[] = [];
  let left = maxBytes;
  for (const [i, fact] of holding.entries()) {
    const bytes = jsonBytes([fact.fact, fact.valid_at, fact.invalid_at]) + OVERHEAD_BYTES;
    if (supported[i] !== true || bytes > left) continue;
    left -= bytes;
    chosen.push(fact);
  }
  return chosen;
}

/**
 * Whether something still says a fact. It does not if each message that said it was deleted by itself. A
 * deleted session leaves the facts.
 */
async function isSupported(
  store: Store,
  namespace: string,
  { sources = [] }: StoredFact,
): Promise<boolean> {
  if (sources.length === 0) return true;
  for (const { session_id, uuid } of sources) {
    const { session, message } = await store.messages.find({ namespace }, session_id, uuid);
    if (message !== undefined || session === undefined || session.deleted_at !== undefined) {
      return true;
    }
  }
  return false;
}
