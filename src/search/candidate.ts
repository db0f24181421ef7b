import type { MessagePosition } from '../domain/positions.ts';

/** A message that contains at least one of the query terms. */
export interface Candidate extends MessagePosition {
  role: string;
  /** Milliseconds since 1970. */
  created_at: number;
  /** The query terms and markers that the message contains, repeated as often as they occur. */
  matched: readonly string[];
  /** The total number of terms in the message. */
  length: number;
}
