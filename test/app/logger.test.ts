import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/app/logger.ts';
import { type Config, load, secretsOf } from '../../src/config/index.ts';
import { LOG_LEVELS } from '../../src/domain/logger.ts';

describe('the logger', () => {
  it('writes one JSON object per line, with the causes of an error', () => {
    const lines: string[] = [];
    const logger = createLogger('debug', (line) => lines.push(line));
    const error = new Error('outer', { cause: new Error('inner\nline') });
    logger.warn('it failed', { operation: 'x', error });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'warn',
      message: 'it failed',
      operation: 'x',
      error: { message: 'outer', cause: { message: 'inner\nline' } },
    });
  });

  it.each(LOG_LEVELS.map((level, i) => [level, i] as const))(
    'at level %s writes %i of the four kinds',
    (level, count) => {
      const lines: string[] = [];
      const logger = createLogger(level, (line) => lines.push(line));
      logger.error('e');
      logger.warn('w');
      logger.info('i');
      logger.debug('d');
      expect(lines).toHaveLength(count);
    },
  );

  it('shows no password, however a driver quotes it', () => {
    const uri = 'mongodb://me:s3cr%2Ft@host/?authSource=admin';
    const { config } = load([], { MONGODB_URI: uri }, 'linux') as { config: Config };
    const lines: string[] = [];
    const logger = createLogger('debug', (line) => lines.push(line), secretsOf(config));
    for (const text of [uri, 'me:s3cr%2Ft', 'cannot parse s3cr%2Ft', 'decoded s3cr/t']) {
      logger.error('driver', { error: new Error(text) });
    }
    expect(lines.join('')).not.toMatch(/s3cr/);
  });
});
