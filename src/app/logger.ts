import { pino } from 'pino';
import type { Fields, Logger, LogLevel } from '../domain/logger.ts';

/**
 * Creates a logger that writes one JSON object per line.
 *
 * @param write takes one line with its newline, and writes it synchronously: nothing waits for pending
 *   lines when the process ends. It must not write to stdout, which belongs to the protocol.
 * @param secrets texts that are masked in every line, since drivers quote them in their errors
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
 * Serializes an error with its causes. pino's own serializer adds every property of the error, and drivers
 * attach the documents that they could not write.
 */
function withCauses(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause !== undefined && { cause: withCauses(cause) }) };
}
