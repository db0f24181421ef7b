/** The position of a message: the session it is in, and its sequence number there. */
export interface MessagePosition {
  session_id: string;
  /** Sessions may have had the identifier before: this names the one that is meant. */
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
