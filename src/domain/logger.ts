/** How much is logged: each level includes those before it. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Facts that belong to a line; an `error` is written with its stack and its causes. */
export type Fields = Record<string, unknown>;

export interface Logger {
  /** Whether lines of a level are written: making one that is not is work for nothing. */
  enabled(level: Exclude<LogLevel, 'silent'>): boolean;
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}
