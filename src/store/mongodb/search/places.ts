import { includesPart } from '../../../domain/metadata.ts';
import { canonicalRole, hasRoleWord } from '../../../domain/roles.ts';
import type { Candidate } from '../../../search/bm25.ts';
import type { TermQuery } from '../../search-port.ts';
import type { MessageDocument } from '../documents.ts';
import { decodeMetadata } from '../metadata-codec.ts';

/** A message as a search reads it. Its session may be deleted. */
export type FoundDocument = Pick<
  MessageDocument,
  '_id' | 'session_id' | 'session_uuid' | 'seq' | 'role' | 'created_at'
> &
  Pick<Candidate, 'matched' | 'length'> & { metadata?: unknown };

/** A place in the order in which a search goes along messages: by time, the newest first. */
export type Place = Pick<MessageDocument, 'created_at' | 'seq' | 'session_uuid'>;

/** The place in front of all messages. */
const START: Place = { created_at: new Date(8.64e15), seq: 0, session_uuid: '' };

/** A place as text, for a cursor. */
export const encodePlace = ({ created_at, seq, session_uuid }: Place = START): string =>
  `${created_at.getTime()} ${seq} ${session_uuid}`;

export function decodePlace(text: string): Place {
  const [time, seq, session_uuid = ''] = text.split(' ');
  return { created_at: new Date(Number(time)), seq: Number(seq), session_uuid };
}

/** Whether a message comes at a place, or in front of it. */
export function isReached(message: Place, place: Place): boolean {
  const time = message.created_at.getTime() - place.created_at.getTime();
  if (time !== 0) return time > 0;
  if (message.seq !== place.seq) return message.seq > place.seq;
  return message.session_uuid >= place.session_uuid;
}

/** Returns a function that tells whether a query wants a message that it has come upon. */
export function createFilter(query: TermQuery) {
  const { terms, after, roles, roleWord, metadata, exceptSession } = query;
  const places = new Map(
    terms.map((term, i) => {
      const text = after?.[i];
      return [term, text == null ? text : decodePlace(text)];
    }),
  );
  /** Whether an earlier query has come upon the message by one of its terms. */
  const isSeen = (message: FoundDocument) =>
    after !== undefined &&
    message.matched.some((term) => {
      const place = places.get(term);
      return place !== undefined && (place === null || isReached(message, place));
    });
  return (message: FoundDocument): boolean =>
    message.session_uuid !== exceptSession &&
    (roles === undefined || roles.includes(canonicalRole(message.role))) &&
    (roleWord === undefined || hasRoleWord(message.role, roleWord)) &&
    (metadata === undefined || includesPart(decodeMetadata(message.metadata), metadata)) &&
    !isSeen(message);
}
