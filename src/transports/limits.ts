/** The longest message that any transport reads, in bytes. */
export const MESSAGE_MAX_BYTES = 16 * 1024 * 1024;

/** How long a stopping server waits for the calls in flight, in milliseconds. */
export const GRACE_MS = 10_000;
