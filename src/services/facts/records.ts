import { factNamespace, userNamespace } from '../../domain/fact-namespace.ts';
import type { Message } from '../../domain/records.ts';
import type { Store } from '../../store/port.ts';
import type { Caller } from '../caller.ts';
import { type Dependencies, dependenciesWith } from '../dependencies.ts';
import { isRefusal } from '../errors.ts';
import { ownerOf as ownerOfChange } from '../events.ts';
import { createMemoryService } from '../memory.ts';
import { readRecords } from './read-records.ts';
import {
  hasMarker,
  markerTerm,
  type RecordKind,
  type RecordsByKind,
  toRecord,
} from './statements.ts';

/** How many messages one read of a list looks at, and how many reads one list takes. */
const READ_AT_ONCE = 200;
const MAX_READS = 20;

/** How many records with a marker are looked at: it may be in the texts of others. */
const CANDIDATES_MAX = 20;

/** The same dependencies; a change of records is announced as one of the facts of their user. */
export const forRecords = (deps: Dependencies): Dependencies =>
  dependenciesWith(deps, {
    onChange(namespace, event) {
      const owner = ownerOfChange(event);
      if (owner !== undefined) deps.onChange(userNamespace(namespace), { facts_of: owner });
    },
  });

/** The caller under which records are read and written. Whether the real one may see them is checked before. */
export const insider = ({ namespace, credential }: Caller): Caller => ({
  namespace: factNamespace(namespace),
  ...(credential !== undefined && { credential }),
});

/**
 * The user whose records have one with this marker, among those that the caller may see.
 *
 * @returns `undefined` if there is none
 */
export async function ownerOf(
  store: Store,
  { namespace, user_id }: Caller,
  word: string,
): Promise<string | undefined> {
  const place = factNamespace(namespace);
  const query = { terms: [markerTerm(word)], also: [], limit: CANDIDATES_MAX };
  const { candidates } = await store.search.candidates(place, { user_id }, query);
  const messages = await readRecords(store, place, candidates, 1);
  return messages.find((message) => hasMarker(message, word))?.session_id;
}

/** Returns a function that lists a user's records of one kind, the newest first. */
export function createRecordList(deps: Dependencies) {
  const memory = createMemoryService(deps);
  return async <Kind extends RecordKind>(
    caller: Caller,
    user_id: string,
    kind: Kind,
    { limit, before }: { limit: number; before?: number | undefined },
  ): Promise<RecordsByKind[Kind][]> => {
    const found: RecordsByKind[Kind][] = [];
    let cursor: string | undefined;
    for (let reads = 0; reads < MAX_READS; reads++) {
      const list = {
        ...({ order: 'desc', limit: READ_AT_ONCE } as const),
        ...(before !== undefined && { from_seq: before }),
        ...(cursor !== undefined && { cursor }),
      };
      const page = await memory.list(insider(caller), user_id, list).catch(noSession);
      for (const message of page.messages) {
        const record = message.seq === before ? undefined : toRecord(kind, message);
        if (record !== undefined) found.push(record);
        if (found.length === limit) return found;
      }
      cursor = page.next_cursor;
      if (cursor === undefined) break;
    }
    return found;
  };
}

/** A user has no session of facts before the first one. */
function noSession(error: unknown): { messages: Message[]; next_cursor?: string } {
  if (isRefusal(error, 'session_not_found')) return { messages: [] };
  throw error;
}
