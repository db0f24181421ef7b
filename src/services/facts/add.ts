import type { Message } from '../../domain/records.ts';
import { timestamp } from '../../domain/times.ts';
import type { AddedMessage } from '../append.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import type { FactAccess } from './access.ts';
import { coverageMarker, coverageMessage, throughSeq } from './coverage.ts';
import type { EntityDetail } from './entity-details.ts';
import { assertTimes } from './fact-times.ts';
import type { FactPlace } from './lookup.ts';
import { type AddedFact, type NewFact, prepareFacts } from './prepare.ts';
import { type CheckedSource, type NewSource, sourcesOf } from './sources/checked-source.ts';

export type { AddedFact, NewFact } from './prepare.ts';

/**
 * Returns a function that adds facts about a user, with their entities, in one atomic append. Its source counts
 * as read from then on, even if no facts are given.
 */
export function createAddFacts(deps: Dependencies, { storeFacts }: FactAccess) {
  return async (
    caller: Caller,
    place: FactPlace,
    owner: string,
    facts: readonly NewFact[],
    source: NewSource | undefined,
    details: readonly EntityDetail[],
  ): Promise<AddedFact[]> => {
    const { store, user_id } = place;
    for (const [index, one] of facts.entries()) assertTimes(one, index);
    const checked = source && (await sourcesOf(deps, caller, store, user_id, source));
    const stated = facts.map((one) => ({ ...one, sources: checked?.sources }));
    const markers = checked === undefined ? [] : [coverageMarker(checked.session.uuid, 'agent')];
    const now = timestamp(deps.now());
    const prepared = await prepareFacts(place, owner, stated, now, { details, markers });
    await storeFacts(caller, user_id, prepared, coverageBy(checked, prepared.known));
    return prepared.results;
  };
}

/** The coverage of the source, if it moves. */
function coverageBy(
  source: CheckedSource | undefined,
  known: ReadonlyMap<string, Message[]>,
): AddedMessage[] {
  if (source === undefined) return [];
  const { session, through_seq } = source;
  const [before] = known.get(coverageMarker(session.uuid, 'agent')) ?? [];
  return through_seq > throughSeq(before) ? [coverageMessage(session, 'agent', through_seq)] : [];
}
