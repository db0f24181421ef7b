/** How long a stopping server waits for the calls in flight, in milliseconds. */
export const GRACE_MS = 10_000;

/** Limits per credential and for the whole HTTP server. */
export interface HttpLimits {
  /** Calls per second of one credential. Bursts of ten times as many are allowed. */
  callsPerSecond: number;
  /** Calls of one credential that may be in flight at once. */
  callsAtOnce: number;
  /** The longest request body, in bytes. */
  messageMax: number;
  /** The total size of all request bodies that are held at once, in bytes. */
  bodiesMax: number;
  streamsPerCredential: number;
  streamsMax: number;
  connectionsMax: number;
}
