import { derivedUuid } from '../../domain/derived-uuid.ts';
import type { Message, Session } from '../../domain/records.ts';
import type { AddedMessage } from '../append.ts';
import { type FactPlace, findMarked } from './lookup.ts';
import { marker } from './statements.ts';

/**
 * Coverage: how far a session was read for facts. It is a record among the facts of the user, one for each kind
 * of reader. An agent may skip messages that it knows from the conversation itself, so the server's model does
 * not rely on the coverage by agents.
 */

/** Who drew the facts: the agent with `add_facts`, or the server's model. */
export type FactReader = 'agent' | 'model';

/** What identifies a session. */
export interface CoveredSession {
  session_id: string;
  uuid: string;
}

const coverageUuid = (session_uuid: string, reader: FactReader): string =>
  derivedUuid('coverage', session_uuid, reader);

/** The marker by which the coverage of a session is found. */
export const coverageMarker = (session_uuid: string, reader: FactReader): string =>
  marker('uuid', coverageUuid(session_uuid, reader));

/**
 * Changes with the messages of a session. It has their number, because servers whose clocks differ may write the
 * same `updated_at`.
 */
export const sessionState = ({ updated_at, message_count }: Session): string =>
  `${updated_at} ${message_count}`;

/** Its content is no word, so that no search finds it. */
const CONTENT = '-';

/** @param through_seq the number of the last message from which facts were drawn, even if it held none */
export function coverageMessage(
  { session_id, uuid }: CoveredSession,
  reader: FactReader,
  through_seq: number,
): AddedMessage {
  return {
    uuid: coverageUuid(uuid, reader),
    role: [coverageMarker(uuid, reader), marker('coverage')].join(' '),
    content: CONTENT,
    metadata: { kind: 'coverage', session_id, session_uuid: uuid, reader, through_seq },
  };
}

/** The number of the last message that a coverage reaches; 0 if there is no coverage. */
export function throughSeq(coverage: Message | undefined): number {
  const { kind, through_seq } = coverage?.metadata ?? {};
  return kind === 'coverage' && typeof through_seq === 'number' ? through_seq : 0;
}

/**
 * How far some readers have read sessions for facts: by the uuid of the session, the number of the last message
 * that one of them has read. Sessions that nobody has read are left out.
 */
export async function coverageOf(
  place: FactPlace,
  session_uuids: readonly string[],
  readers: readonly FactReader[],
): Promise<Map<string, number>> {
  const markers = (uuid: string) => readers.map((reader) => coverageMarker(uuid, reader));
  const found = await findMarked(place, session_uuids.flatMap(markers));
  const through = new Map<string, number>();
  for (const uuid of session_uuids) {
    const reached = markers(uuid).map((word) => throughSeq(found.get(word)?.[0]));
    const furthest = Math.max(0, ...reached);
    if (furthest > 0) through.set(uuid, furthest);
  }
  return through;
}
