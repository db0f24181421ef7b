import { nearest, SIMILAR_MIN_LENGTH } from '../../search/spelling.ts';
import type { Store } from '../../store/port.ts';
import type { SearchScope } from '../../store/search-port.ts';
import type { LexicalQuery } from './lexical.ts';
import type { Condition, SearchNote } from './note.ts';

/** How many words of a query are looked at, and how many similar ones of each are searched for. */
const MAX_WORDS = 6;
const MAX_SIMILAR = 4;

/** How many terms of the vocabulary are compared with a word. */
const VOCABULARY_SIZE = 3000;

/** Terms to search for instead of those of a query. */
export interface SimilarTerms {
  how: 'beginning' | 'spelling';
  terms: string[];
}

/**
 * Terms of the searched messages that are like those of a query which no message has: first those that
 * begin like them, then those that are spelled nearly like them.
 */
export async function* similarTerms(
  store: Store,
  namespace: string,
  scope: SearchScope,
  terms: readonly string[],
): AsyncGenerator<SimilarTerms> {
  const words = terms.filter((term) => term.length >= SIMILAR_MIN_LENGTH && !term.startsWith('?'));
  const looked = words.slice(0, MAX_WORDS);
  const vocabulary = (prefix: string, limit: number) =>
    store.search.vocabulary(namespace, scope, prefix, limit);
  const longer = await Promise.all(looked.map((word) => vocabulary(word, MAX_SIMILAR)));
  if (longer.flat().length > 0) yield { how: 'beginning', terms: longer.flat() };
  for (const length of [2, 1]) {
    const near = await Promise.all(
      looked.map(async (word) => {
        const known = await vocabulary(word.slice(0, length), VOCABULARY_SIZE);
        return nearest(word, known).slice(0, MAX_SIMILAR);
      }),
    );
    if (near.flat().length > 0) yield { how: 'spelling', terms: near.flat() };
  }
}

/** How many messages are looked at outside of a condition. */
const MAX_OUTSIDE = 100;

/** Tells outside of which condition of a search there are messages with its terms. */
export async function hitsOutside(
  store: Store,
  caller: { namespace: string; user_id?: string | undefined },
  scope: SearchScope,
  query: LexicalQuery,
  terms: readonly string[],
): Promise<SearchNote[]> {
  const { since, until, roles, roleWord, metadata } = query;
  const filter = { since, until, roles, roleWord, metadata };
  const pin = caller.user_id;
  const wider: [Condition, boolean, SearchScope, typeof filter][] = [
    [
      'time',
      since !== undefined || until !== undefined,
      scope,
      { ...filter, since: undefined, until: undefined },
    ],
    ['roles', roles !== undefined, scope, { ...filter, roles: undefined }],
    ['metadata', metadata !== undefined, scope, { ...filter, metadata: undefined }],
    ['session_id', scope.session_id !== undefined, { user_id: scope.user_id }, filter],
    ['user_id', scope.user_id !== pin, { session_id: scope.session_id }, filter],
  ];
  const notes: SearchNote[] = [];
  for (const [of, isGiven, where, conditions] of wider) {
    if (!isGiven) continue;
    const looked = { ...conditions, terms, also: [], limit: MAX_OUTSIDE };
    const { candidates } = await store.search.candidates(caller.namespace, where, looked);
    if (candidates.length === 0) continue;
    const newest = Math.max(...candidates.map(({ created_at }) => created_at));
    const nearest = of === 'time' ? new Date(newest).toISOString() : undefined;
    notes.push({ kind: 'hits_outside', of, messages: candidates.length, nearest });
  }
  return notes;
}
