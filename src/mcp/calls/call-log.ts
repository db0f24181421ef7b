import type { Logger } from '../../domain/logger.ts';
import { type CallObserver, isFailure } from './call-observer.ts';

/** Writes a line for every call: what was called, for whom, how it ended, and how long that took. */
export function logCalls(logger: Logger): CallObserver {
  return ({ method, tool, caller: { namespace }, request_id }) =>
    ({ outcome, duration_ms, cause: error }) => {
      const fields = {
        method,
        tool,
        namespace,
        outcome,
        duration_ms: Math.round(duration_ms * 10) / 10,
        request_id,
        error,
      };
      if (outcome === 'INTERNAL') logger.error('call failed', fields);
      else if (isFailure(outcome)) logger.warn('call failed', fields);
      else logger.info('call', fields);
    };
}
