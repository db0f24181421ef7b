import { DomainError } from '../../domain/errors.ts';
import type { Store } from '../../store/port.ts';

/** Takes one operation of the store: its outcome (`ok` or an error code) and its duration in seconds. */
export type Measure = (operation: string, outcome: string, seconds: number) => void;

/** Wraps a store so that every operation is measured. */
export function measuredStore(store: Store, measure: Measure): Store {
  return measured('', store, measure);
}

/** Wraps the methods of a store, or of one of its parts; other values stay as they are. */
function measured<Part extends object>(prefix: string, part: Part, measure: Measure): Part {
  const wrap = (name: string, member: unknown): unknown => {
    if (typeof member === 'function') return measuredMethod(prefix + name, member, measure);
    if (typeof member !== 'object' || member === null) return member;
    return measured(`${prefix}${name}.`, member, measure);
  };
  const entries = Object.entries(part).map(([name, member]) => [name, wrap(name, member)]);
  return Object.fromEntries(entries) as Part;
}

// biome-ignore lint/complexity/noBannedTypes: arguments and results are passed through unchanged
function measuredMethod(name: string, method: Function, measure: Measure) {
  return async (...args: unknown[]): Promise<unknown> => {
    const started = performance.now();
    let outcome = 'ok';
    try {
      return await method(...args);
    } catch (error) {
      outcome = error instanceof DomainError ? error.code : 'INTERNAL';
      throw error;
    } finally {
      measure(name, outcome, (performance.now() - started) / 1000);
    }
  };
}
