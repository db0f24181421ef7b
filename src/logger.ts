/** How much is logged: each level includes those before it. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Facts that belong to a line; an `error` is written with its stack and its causes. */
export type Fields = Record<string, unknown>;

export interface Logger {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}

/**
 * A logger that writes one JSON object per line, never to stdout, which belongs to the protocol.
 *
 * @param write takes one line, its newline included
 * @param secrets texts that must not show in any line, though a driver quotes them in an error
 */
export function createLogger(
  level: LogLevel,
  write: (line: string) => void,
  secrets: readonly string[] = [],
): Logger {
  const threshold = LOG_LEVELS.indexOf(level);
  const masked = [...secrets, ...secrets.map((secret) => JSON.stringify(secret).slice(1, -1))];
  const at = (lineLevel: LogLevel) => {
    const silent = LOG_LEVELS.indexOf(lineLevel) > threshold;
    return (message: string, fields: Fields = {}): void => {
      if (silent) return;
      const entry = { time: new Date().toISOString(), level: lineLevel, message, ...fields };
      const text = JSON.stringify(entry, withErrors);
      write(`${masked.reduce((line, secret) => line.replaceAll(secret, '***'), text)}\n`);
    };
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

function withErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause !== undefined && { cause: value.cause }),
  };
}
