/** How long a stopping server waits for the calls in flight, in milliseconds. */
export const GRACE_MS = 10_000;

/** What one caller, and all together, may take of a server that many reach. */
export interface HttpLimits {
  /** Of one credential; ten times as many may come at once. */
  callsPerSecond: number;
  /** Of one credential. */
  callsAtOnce: number;
  /** The longest body, in bytes. */
  messageMax: number;
  /** All bodies together, in bytes. */
  bodiesMax: number;
  streamsPerCredential: number;
  streamsMax: number;
  connectionsMax: number;
}
