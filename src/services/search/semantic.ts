import { positionKey, type SeqRange } from '../../domain/positions.ts';
import type { Steps } from '../../search/analyzer.ts';
import type { ComparedMessage } from '../../search/fusion.ts';
import { EndpointError } from '../../search/model-api/error.ts';
import { similarity } from '../../search/vectors.ts';
import type { Store } from '../../store/port.ts';
import type { MessageVector, SearchScope, TimeRange } from '../../store/search-port.ts';
import type { Embeddings } from '../dependencies.ts';
import { runInSlices } from '../event-loop.ts';
import type { SearchNote } from './note.ts';

/** The number of newest messages whose vectors are compared with that of a query. */
const MAX_COMPARED = 5000;

/** Messages per slice, which take about half a millisecond. */
const SLICE_MESSAGES = 256;

/** The result of a comparison by meaning. */
export interface Comparison {
  compared: ComparedMessage[];
  ranges: ReadonlyMap<string, SeqRange>;
  vectors: ReadonlyMap<string, Uint8Array>;
  digests: ReadonlyMap<string, string>;
  notes: SearchNote[];
}

/**
 * Compares the vectors of messages with that of a query. Returns nothing to compare by if the endpoint
 * does not answer.
 */
export async function compareByMeaning(
  embeddings: Embeddings,
  store: Store,
  namespace: string,
  scope: SearchScope,
  question: string,
  time: TimeRange,
): Promise<Comparison | { unavailable: SearchNote }> {
  let asked: Uint8Array;
  try {
    asked = await embeddings.question(question);
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    return { unavailable: { kind: 'embeddings_unavailable', problem: error.problem } };
  }
  const { model } = embeddings;
  const found = await store.vectors.newest(namespace, scope, {
    model,
    limit: MAX_COMPARED,
    ...time,
  });
  const compared = await runInSlices(compare(asked, found.vectors));
  return { ...compared, ranges: found.ranges, notes: notesOn(found.outdated, found.cut) };
}

function* compare(
  asked: Uint8Array,
  messages: readonly MessageVector[],
): Steps<Pick<Comparison, 'compared' | 'vectors' | 'digests'>> {
  const vectors = new Map<string, Uint8Array>();
  const digests = new Map<string, string>();
  const compared: ComparedMessage[] = [];
  for (const [i, { place, digest, vector }] of messages.entries()) {
    if (i % SLICE_MESSAGES === 0) yield;
    const key = positionKey(place);
    vectors.set(key, vector);
    digests.set(key, digest);
    compared.push({ place, similarity: similarity(asked, vector) });
  }
  return { compared, vectors, digests };
}

function notesOn(outdated: number, cut: boolean): SearchNote[] {
  return [
    ...(outdated > 0 ? [{ kind: 'other_model', messages: outdated } as const] : []),
    ...(cut ? [{ kind: 'vectors_omitted', compared: MAX_COMPARED } as const] : []),
  ];
}
