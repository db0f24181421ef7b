import { invalidArgument } from '../domain/errors.ts';
import { includesPart, type JsonObject, jsonBytes } from '../domain/metadata.ts';
import { openCursor, sealCursor } from '../domain/pages.ts';
import type { Message, Session } from '../domain/records.ts';
import { ASKS, analyseQuestion, firstMatch } from '../search/analyse.ts';
import { placeOf, type Ranked, rank } from '../search/rank.ts';
import type { Candidates, Extent, Located, MessagePlace, Store } from '../store/store.ts';
import { describeAbsence } from './absence.ts';
import { withContentCut, withMetadataCut } from './fit.ts';
import { exists } from './pin.ts';
import { type Caller, type Dependencies, PAGE_MAX_BYTES } from './services.ts';

/** How many hits a search returns unless told otherwise. */
export const HITS_DEFAULT = 10;

/** How many messages are considered for each term, the newest; fewer where there are many terms. */
const CANDIDATES_PER_TERM = 1000;

/** How many messages are considered for all terms together. */
const CANDIDATES = 8000;

/** How much is shown of a hit that is long, in bytes as JSON, and how much of it before the match. */
const SHOWN_BYTES = 4000;
const SHOWN_BEFORE = 200;

/** How much is shown of the messages around a hit, in bytes as JSON. */
const NEIGHBOUR_BYTES = 2000;

/** The metadata of a hit's session is left out above this, in bytes: a page repeats it. */
const SESSION_METADATA_BYTES = 1000;

/** How many messages are read at once when a filter may drop most of them. */
const BATCH = 50;

export interface SearchInput {
  query: string;
  session_id?: string | undefined;
  user_id?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
  roles?: readonly string[] | undefined;
  metadata?: JsonObject | undefined;
  since?: string | undefined;
  until?: string | undefined;
  neighbours?: number | undefined;
}

export interface Hit {
  /** Comparable within one search only. */
  score: number;
  session: Session;
  message: Message;
  before?: Message[];
  after?: Message[];
}

export interface SearchResult {
  hits: Hit[];
  next_cursor?: string;
  /** How many messages were ranked. */
  considered_count: number;
  /** Why there may be more, and how to get at it. */
  advice?: string;
}

export type SearchService = ReturnType<typeof createSearchService>;

/** The rules for searching. Every method throws `DomainError`. */
export function createSearchService(deps: Dependencies) {
  const absence = describeAbsence(deps);

  /** Where nothing was found, whether there was anything to search. */
  async function assertScope(
    caller: Caller,
    store: Store,
    { session_id, user_id }: SearchInput,
  ): Promise<void> {
    const { namespace } = caller;
    if (session_id !== undefined) {
      const found = await store.sessions.find(namespace, session_id);
      if (found === undefined || found.deleted_at !== undefined) {
        throw await absence.session(caller, store, session_id, found);
      }
    } else if (user_id !== undefined) {
      const found = await store.users.find(namespace, user_id);
      if (found === undefined || found.deleted_at !== undefined) {
        throw absence.user(user_id, found);
      }
    }
  }

  return {
    /**
     * Messages that say what is looked for, the best first, among the newest that have any of its
     * words. A cursor goes on through the same ranking, without what came since its first page.
     *
     * @throws DomainError NOT_FOUND for a session or user that is not there, INVALID_ARGUMENT for
     *   arguments that exclude each other or a cursor of another search
     */
    async search(caller: Caller, input: SearchInput): Promise<SearchResult> {
      const { session_id, user_id, since, until, limit = HITS_DEFAULT } = input;
      if (session_id !== undefined && user_id !== undefined) {
        throw invalidArgument(
          'session_id and user_id cannot both be given. Give the session, or the user to search all of their sessions.',
        );
      }
      if (since !== undefined && until !== undefined && since > until) {
        throw invalidArgument('since is later than until. Exchange them.');
      }
      const { cursor, limit: _, ...query } = input;
      const fingerprint = ['search', caller.namespace, caller.user_id, query];
      const start = cursor === undefined ? undefined : openCursor(cursor, fingerprint);
      const at = start?.value ?? deps.now();
      const first = start === undefined ? undefined : new Date(at).toISOString();

      if (user_id !== undefined && !exists(caller, user_id)) throw absence.user(user_id, undefined);
      const store = await deps.store();
      if (session_id !== undefined) await absence.checkTouch(caller, store, session_id);
      const scope = {
        session_id,
        user_id: session_id === undefined ? (user_id ?? caller.user_id) : undefined,
      };
      const { terms, omitted } = analyseQuestion(input.query);
      const perTerm = Math.ceil(Math.min(CANDIDATES_PER_TERM, CANDIDATES / terms.length));
      const found = await store.search.candidates(caller.namespace, scope, {
        terms,
        also: [ASKS],
        limit: perTerm,
        since,
        until: earlier(until, first),
      });
      if (found.candidates.length === 0) await assertScope(caller, store, input);

      const ranked = rank(found.candidates, terms, statisticsOf(found, terms), found.threads, at);
      const rest = ranked.slice(start === undefined ? 0 : behind(ranked, start.key));
      const { hits, last } = await read(caller, store, rest, found, terms, { ...input, limit });
      const next = last === undefined ? undefined : ranked.indexOf(last) + 1;
      const advice = adviceOn(terms, omitted, found, perTerm);
      return {
        hits,
        ...(last !== undefined &&
          next !== undefined &&
          next < ranked.length && {
            next_cursor: sealCursor(
              { value: at, key: `${next} ${placeOf(last.place)}` },
              fingerprint,
            ),
          }),
        considered_count: ranked.length,
        ...(advice !== undefined && { advice }),
      };
    },
  };
}

/**
 * Reads as many hits as are wanted and fit.
 *
 * @returns the hits, and the last of the ranking that was looked at
 */
async function read(
  { namespace }: Caller,
  store: Store,
  ranked: readonly Ranked[],
  { threads }: Candidates,
  terms: readonly string[],
  input: SearchInput & { limit: number },
): Promise<{ hits: Hit[]; last: Ranked | undefined }> {
  const { limit, neighbours = 0 } = input;
  const hits: Hit[] = [];
  let last: Ranked | undefined;
  let bytes = 0;
  const step = input.metadata === undefined && input.roles === undefined ? limit : BATCH;
  for (let i = 0; i < ranked.length && hits.length < limit; i += step) {
    const batch = ranked
      .slice(i, i + step)
      .filter(({ candidate }) => candidate === undefined || hasRole(candidate, input));
    const places = batch.flatMap(({ place }) =>
      around(place, threads.get(place.thread) as Extent, neighbours),
    );
    const located = await store.search.locate(namespace, places, SESSION_METADATA_BYTES);
    const byPlace = new Map(located.map((one) => [placeOf(one.place), one]));
    for (const one of batch) {
      if (hits.length === limit) break;
      const found = byPlace.get(placeOf(one.place));
      if (found !== undefined && passes(found.message, input)) {
        const hit = toHit(one, found, byPlace, terms, neighbours);
        bytes += jsonBytes(hit);
        if (bytes > PAGE_MAX_BYTES && hits.length > 0) return { hits, last };
        hits.push(hit);
      }
      last = one;
    }
    if (hits.length < limit) last = ranked[Math.min(i + step, ranked.length) - 1];
  }
  return { hits, last };
}

const hasRole = ({ role }: { role: string }, { roles }: SearchInput) =>
  roles === undefined || roles.includes(role);

/** Whether a message is one of those that are looked for, whatever it says. */
function passes(message: Message, input: SearchInput): boolean {
  const { since, until, metadata } = input;
  return (
    hasRole(message, input) &&
    (since === undefined || message.created_at >= since) &&
    (until === undefined || message.created_at <= until) &&
    (metadata === undefined || includesPart(message.metadata, metadata))
  );
}

/** A message's place and those around it that there are. */
function around(
  { session_id, thread, seq }: MessagePlace,
  { first_seq, last_seq }: Extent,
  neighbours: number,
): MessagePlace[] {
  const from = Math.max(first_seq, seq - neighbours);
  const to = Math.min(last_seq, seq + neighbours);
  return Array.from({ length: to - from + 1 }, (_, i) => ({ session_id, thread, seq: from + i }));
}

function toHit(
  { place, score }: Ranked,
  { session, message }: Located,
  located: ReadonlyMap<string, Located>,
  terms: readonly string[],
  neighbours: number,
): Hit {
  const beside = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => ({ ...place, seq: from + i })).flatMap(
      (near) => {
        const found = located.get(placeOf(near))?.message;
        return found === undefined ? [] : [withContentCut(found, 0, NEIGHBOUR_BYTES)];
      },
    );
  return {
    score: Math.round(score * 10_000) / 10_000,
    session,
    message: withMetadataCut(excerpt(message, terms)),
    ...(neighbours > 0 && {
      before: beside(place.seq - neighbours, place.seq - 1),
      after: beside(place.seq + 1, place.seq + neighbours),
    }),
  };
}

/** A message with its content whole, or if it is long, the part of it around the first match. */
function excerpt(message: Message, terms: readonly string[]): Message {
  if (message.content.length <= SHOWN_BYTES / 4) return message;
  const match = firstMatch(message.content, terms);
  const fits = Buffer.byteLength(message.content) <= SHOWN_BYTES;
  return withContentCut(message, fits ? 0 : Math.max(0, match - SHOWN_BEFORE), SHOWN_BYTES);
}

/** What the candidates say of the messages that they were found among. */
function statisticsOf({ candidates, threads }: Candidates, terms: readonly string[]) {
  const frequency = new Map(terms.map((term) => [term, 0]));
  for (const { matched } of candidates) {
    for (const term of new Set(matched)) {
      const count = frequency.get(term);
      if (count !== undefined) frequency.set(term, count + 1);
    }
  }
  let messages = 0;
  for (const { first_seq, last_seq } of threads.values()) messages += last_seq - first_seq + 1;
  return { messages, frequency };
}

/** Where a cursor goes on: behind the message that it names, or at its rank if that is gone. */
function behind(ranked: readonly Ranked[], key: string): number {
  const [index, ...place] = key.split(' ');
  const named = ranked.findIndex((one) => placeOf(one.place) === place.join(' '));
  return named === -1 ? Math.max(0, Number(index) - 1 || 0) : named + 1;
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** What was left out of a search, and how to get at it. */
function adviceOn(
  terms: readonly string[],
  omitted: number,
  { candidates, cut }: Candidates,
  perTerm: number,
): string | undefined {
  if (terms.length === 0) {
    return 'The query has nothing to look for: no letter, digit or emoji. Use words that the messages may have.';
  }
  const advice: string[] = [];
  if (omitted > 0) {
    advice.push(
      `Only the first ${terms.length} words of the query were looked for, and ${omitted} were not: make it shorter.`,
    );
  }
  if (cut.length > 0) {
    const complete = Math.max(
      ...cut.map((term) =>
        Math.min(
          ...candidates
            .filter(({ matched }) => matched.includes(term))
            .map(({ created_at }) => created_at),
        ),
      ),
    );
    const until = Number.isFinite(complete) ? new Date(complete).toISOString() : undefined;
    advice.push(
      `Some words are in many messages, and of each word only the newest ${perTerm} were considered. To look further back, repeat the search${until === undefined ? '' : ` with until ${until}`}, or narrow it by session_id, user_id or since.`,
    );
  }
  return advice.length === 0 ? undefined : advice.join(' ');
}
