/** The log levels: each includes those before it. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Structured fields of a line; an `error` is written with its stack and its causes. */
export type Fields = Record<string, unknown>;

export interface Logger {
  /**
   * Whether lines of a level are written, so that callers can avoid building lines that are not.
   */
  enabled(level: Exclude<LogLevel, 'silent'>): boolean;
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}
