import type { Append } from './message-port.ts';

/** The time of the latest message of an append, in milliseconds since 1970. */
export const lastTime = ({ messages, at }: Append): number =>
  Math.max(...messages.map(({ created_at = at }) => Date.parse(created_at)));
