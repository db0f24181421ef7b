/** The position of a message: the session it is in, and its sequence number there. */
export interface MessagePosition {
  session_id: string;
  /** The uuid of the session: an identifier may be reused after a purge. */
  session_uuid: string;
  seq: number;
}

/** The messages of a session from `first_seq` to `last_seq`, without a gap. */
export interface SeqRange {
  first_seq: number;
  last_seq: number;
}

/** A key that names a message by its position. */
export function positionKey({
  session_uuid,
  seq,
}: Pick<MessagePosition, 'session_uuid' | 'seq'>): string {
  return `${session_uuid}@${seq}`;
}
