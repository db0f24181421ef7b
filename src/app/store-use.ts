import type { Config } from '../config/index.ts';
import { durationText } from '../config/values.ts';
import type { Logger } from '../domain/logger.ts';
import { Retention, type StoreUse } from '../store/retention.ts';
import { registrationMs } from './purge-schedule.ts';

/** How a server uses the store. It logs when other servers make it keep deleted records for longer. */
export function serverUse(config: Config, logger: Logger): StoreUse {
  const { purgeAfter, purgeEvery, readOnly } = config;
  const own = durationText(purgeAfter);
  const retention = new Retention({
    own: purgeAfter,
    registrationMs: registrationMs(purgeEvery),
    purges: !readOnly,
    onChange(current) {
      const inForce = durationText(current);
      if (current === purgeAfter) logger.info(`PURGE_AFTER is ${own} at every server again`);
      else {
        logger.warn(
          `PURGE_AFTER is ${own} here, but ${inForce} at another server that uses the same database: ${inForce} holds until all have the same`,
          { own, inForce },
        );
      }
    },
  });
  return { readOnly, server: true, retention };
}

/** How a command uses the store: it neither sets the database up nor registers its own retention. */
export function commandUse({ purgeAfter }: Config, readOnly: boolean): StoreUse {
  const retention = new Retention({ own: purgeAfter, registrationMs: 0, purges: true });
  return { readOnly, server: false, retention };
}
