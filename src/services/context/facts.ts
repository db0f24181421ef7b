import { factNamespace } from '../../domain/fact-namespace.ts';
import type { FactSource } from '../../domain/facts.ts';
import { jsonBytes } from '../../domain/metadata.ts';
import { timestamp } from '../../domain/times.ts';
import type { Store } from '../../store/port.ts';
import type { Dependencies } from '../dependencies.ts';
import { holdsAt } from '../facts/fact-times.ts';
import { readRecords } from '../facts/read-records.ts';
import { RECORDS_PER_TERM } from '../facts/search.ts';
import { ALL_FACTS, type StoredFact, toFact } from '../facts/statements.ts';
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
  /** The terms of all of them, each with how much it counts. */
  termWeights: ReadonlyMap<string, number>;
}

/** A fact as a context has it. */
export type ContextFact = Pick<
  StoredFact,
  'uuid' | 'subject' | 'object' | 'fact' | 'valid_at' | 'invalid_at' | 'created_at'
>;

/** The facts about a user that hold now and are most relevant to a question, the best first. */
export async function relevantFacts(
  deps: Dependencies,
  store: Store,
  { namespace, user_id, newest, termWeights }: ContextQuestion,
  maxBytes: number,
): Promise<ContextFact[]> {
  const place = factNamespace(namespace);
  const query = { question: newest, roleWord: ALL_FACTS, perTerm: RECORDS_PER_TERM };
  const scope = { session_id: user_id };
  const { ranked } = await rankLexically(store, place, scope, query, deps.now(), termWeights);
  const places = ranked.slice(0, BEST).map((one) => one.place);
  const messages = await readRecords(store, place, places);
  const now = timestamp(deps.now());
  const facts = messages.flatMap((message) => toFact(message) ?? []);
  const holding = facts.filter((fact) => holdsAt(fact, now));
  const isSupported = createSupportCheck(store, namespace);
  const supported = await Promise.all(holding.map(isSupported));
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
 * Returns a function that tells whether something still says a fact. Nothing does if each message that said it
 * was deleted by itself. A deleted session leaves the facts. Facts of one call have the same sources: each is
 * looked up once.
 */
function createSupportCheck(store: Store, namespace: string) {
  const checks = new Map<string, Promise<boolean>>();

  async function saysIt({ session_id, uuid }: FactSource): Promise<boolean> {
    const { session, message } = await store.messages.find({ namespace }, session_id, uuid);
    return message !== undefined || session === undefined || session.deleted_at !== undefined;
  }

  function check(source: FactSource): Promise<boolean> {
    const key = JSON.stringify([source.session_id, source.uuid]);
    const known = checks.get(key);
    if (known !== undefined) return known;
    const begun = saysIt(source);
    checks.set(key, begun);
    return begun;
  }

  return async ({ sources = [] }: StoredFact): Promise<boolean> => {
    for (const source of sources) if (await check(source)) return true;
    return sources.length === 0;
  };
}
