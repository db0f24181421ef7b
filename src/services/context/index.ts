import { DomainError } from '../../domain/errors.ts';
import { jsonBytes } from '../../domain/metadata.ts';
import type { Message, Session } from '../../domain/records.ts';
import { analyseQuestion } from '../../search/analyzer.ts';
import { strengthOf } from '../../search/weak-terms.ts';
import type { Store } from '../../store/port.ts';
import { BYTES_PER_TOKEN } from '../append.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { runInSlices } from '../event-loop.ts';
import { queueLongRead } from '../fair-queue.ts';
import { rankLexically } from '../search/lexical.ts';
import { excerpt } from './excerpt.ts';
import { type ContextFact, relevantFacts } from './facts.ts';

/** What is relevant to the last messages of a session: facts about its user, and their other sessions. */
export interface SessionContext {
  /** Facts that hold now, the best first. */
  facts: ContextFact[];
  /** By session; the sessions and their messages in the order of time. */
  sessions: ContextSession[];
  /** Present if the search for it did not end in time. */
  unavailable?: true;
}

export interface ContextSession {
  session_id: string;
  messages: ContextMessage[];
}

/** A message, shortened to the part that has to do with the conversation. */
export type ContextMessage = Pick<Message, 'seq' | 'role' | 'content' | 'created_at'>;

const NOTHING: SessionContext = { facts: [], sessions: [] };

/** What answers show of a fact. */
export const shownFact = ({ fact, valid_at, invalid_at }: ContextFact) => ({
  fact,
  ...(valid_at !== undefined && { valid_at }),
  ...(invalid_at !== undefined && { invalid_at }),
});

/** How much of a context is wanted by default, in tokens. */
export const CONTEXT_TOKENS_DEFAULT = 1000;

/** How many of the last messages of a session tell what is relevant. */
const LAST_MESSAGES = 4;

/** How much of each of them is read, in characters. */
const LAST_MESSAGE_LENGTH = 2000;

/** The most terms of the newest message that are searched for. Each term costs a query. */
const TERMS_OF_NEWEST = 10;

/** The most terms that each earlier message adds. */
const TERMS_OF_EARLIER = 2;

/** Earlier messages add more than that until there are as many terms as this: the newest may say little. */
const TERMS_MIN = 8;

/** How much a term of an earlier message counts, compared with one of the newest. */
const EARLIER_WEIGHT = 0.2;

/** The most messages considered for all terms together. */
const CANDIDATES = 480;

/** The share of the budget that facts may take: they say much in little. */
const FACTS_SHARE = 0.5;

/** How many of the best messages are read. Short ones may all fit. */
const BEST = 100;

/** The most of one message that is shown, in bytes of JSON, and that is read, in characters. */
const SHOWN_MAX_BYTES = 800;
const READ_MAX_LENGTH = 4000;

/** How long a context may take, in milliseconds. The memory that it goes with is worth more. */
const CONTEXT_MS = 1500;

/** What a session and a message take in an answer beside their texts, in bytes. */
const SESSION_OVERHEAD_BYTES = 40;
const MESSAGE_OVERHEAD_BYTES = 12;

/**
 * Returns a function that finds the facts about a user, and the messages of their other sessions, that are
 * most relevant to the last messages of a session. No model is needed: they are ranked by words, as in a
 * search.
 *
 * The function takes the session, its last messages (the newest first), and the most tokens of the answer,
 * estimated. It never throws for a search that takes too long: the answer says so. Without a user of the
 * session, and for less than a token, it returns `undefined`.
 */
export function createContext(deps: Dependencies) {
  async function find(
    { namespace }: Caller,
    store: Store,
    { uuid, user_id }: { uuid: string; user_id: string },
    messages: readonly Message[],
    maxBytes: number,
  ): Promise<SessionContext> {
    const texts = messages
      .slice(0, LAST_MESSAGES)
      .map(({ content }) => content.slice(0, LAST_MESSAGE_LENGTH));
    const termWeights = await termWeightsOf(texts);
    if (termWeights.size === 0) return NOTHING;
    const [newest = ''] = texts;
    const asked = { namespace, user_id, newest, termWeights };
    const query = { question: newest, exceptSession: uuid, total: CANDIDATES };
    const [facts, ranking] = await Promise.all([
      relevantFacts(deps, store, asked, maxBytes * FACTS_SHARE),
      rankLexically(store, namespace, { user_id }, query, deps.now(), termWeights),
    ]);
    const places = ranking.ranked.slice(0, BEST).map(({ place }) => place);
    const { messages: found } = await store.search.findByPosition(namespace, places, {
      ...{ metadataMaxBytes: 0, contentMaxLength: READ_MAX_LENGTH },
      enough: { total: 2 * maxBytes, each: SHOWN_MAX_BYTES },
    });
    const chosen: { session_id: string; message: ContextMessage }[] = [];
    const seen = new Set<string>();
    let left = maxBytes - (facts.length === 0 ? 0 : jsonBytes(facts.map(shownFact)));
    for (const { message } of found) {
      const { session_id, seq, role, content, created_at } = await excerpt(
        ...([message, ranking.terms, SHOWN_MAX_BYTES] as const),
      );
      const shown = { seq, role, content, created_at };
      const bytes =
        jsonBytes(shown) +
        MESSAGE_OVERHEAD_BYTES +
        (seen.has(session_id) ? 0 : jsonBytes(session_id) + SESSION_OVERHEAD_BYTES);
      // A shorter one behind it may still fit.
      if (bytes > left) continue;
      left -= bytes;
      seen.add(session_id);
      chosen.push({ session_id, message: shown });
    }
    return { facts, sessions: bySession(chosen) };
  }

  return async (
    caller: Caller,
    store: Store,
    { uuid, user_id }: Session,
    newest: readonly Message[],
    tokens: number,
  ): Promise<SessionContext | undefined> => {
    if (user_id === undefined || tokens < 1) return undefined;
    if (newest.length === 0) return NOTHING;
    const maxBytes = tokens * BYTES_PER_TOKEN;
    const read = () => find(caller, store, { uuid, user_id }, newest, maxBytes);
    return withDeadline(queueLongRead(deps.longReads, caller, store, read, CONTEXT_MS));
  };
}

/**
 * The terms that tell what is relevant to the last messages, and how much each counts. The newest message
 * counts most. Earlier ones tell what it is about, above all if it has few words.
 *
 * @param texts of the messages, the newest first
 */
async function termWeightsOf(texts: readonly string[]): Promise<Map<string, number>> {
  const weights = new Map<string, number>();
  for (const [i, text] of texts.entries()) {
    const [most, weight] =
      i === 0
        ? [TERMS_OF_NEWEST, 1]
        : [Math.max(TERMS_MIN, weights.size + TERMS_OF_EARLIER), EARLIER_WEIGHT];
    const { terms } = await runInSlices(analyseQuestion(text));
    const strong = terms.filter((term) => strengthOf(term) === 1);
    for (const term of [...strong, ...terms]) {
      if (weights.size === most) break;
      if (!weights.has(term)) weights.set(term, weight);
    }
  }
  return weights;
}

/** The context, unless it takes too long. */
async function withDeadline(found: Promise<SessionContext>): Promise<SessionContext> {
  const unavailable: SessionContext = { ...NOTHING, unavailable: true };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<SessionContext>((resolve) => {
    timer = setTimeout(resolve, CONTEXT_MS, unavailable);
  });
  const inTime = found.catch((error: unknown) => {
    // The store or the queue gave up. Anything else is a fault.
    if (error instanceof DomainError && error.retryable) return unavailable;
    throw error;
  });
  return Promise.race([inTime, late]).finally(() => clearTimeout(timer));
}

/** Groups messages by session, all in the order of time. */
function bySession(
  chosen: readonly { session_id: string; message: ContextMessage }[],
): ContextSession[] {
  const sessions = new Map<string, ContextMessage[]>();
  const inOrder = chosen.toSorted(
    ({ message: a }, { message: b }) => a.created_at.localeCompare(b.created_at) || a.seq - b.seq,
  );
  for (const { session_id, message } of inOrder) {
    const others = sessions.get(session_id);
    if (others === undefined) sessions.set(session_id, [message]);
    else others.push(message);
  }
  return [...sessions].map(([session_id, messages]) => ({ session_id, messages }));
}
