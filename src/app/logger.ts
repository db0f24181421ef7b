import { pino } from 'pino';
import type { Fields, Logger, LogLevel } from '../domain/logger.ts';

/**
 * A logger that writes one JSON object per line, never to stdout, which belongs to the protocol.
 *
 * @param write takes one line, its newline included, and should have written it when it returns:
 *   nothing here waits for lines at the end of the process
 * @param secrets texts that must not show in any line, though a driver quotes them in an error
 */
export function createLogger(
  level: LogLevel,
  write: (line: string) => void,
  secrets: readonly string[] = [],
): Logger {
  const masked = [...secrets, ...secrets.map((secret) => JSON.stringify(secret).slice(1, -1))];
  const log = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: withCauses },
      hooks: {
        streamWrite: (line) =>
          masked.reduce((text, secret) => text.replaceAll(secret, '***'), line),
      },
    },
    { write },
  );
  const at = (lineLevel: Exclude<LogLevel, 'silent'>) => (message: string, fields?: Fields) =>
    log[lineLevel](fields ?? {}, message);
  const enabled = (lineLevel: Exclude<LogLevel, 'silent'>) => log.isLevelEnabled(lineLevel);
  return { enabled, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/**
 * An error as it is written. Not pino's own way, which adds all that a driver hangs on its errors:
 * documents that could not be written are among it.
 */
function withCauses(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause !== undefined && { cause: withCauses(cause) }) };
}
