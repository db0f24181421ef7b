import { DomainError } from '../domain/errors.ts';
import type { Store } from '../store/store.ts';

/** Hears of one use of the store: how it ended (`ok` or an error's code), and after how many seconds. */
export type Measure = (operation: string, outcome: string, seconds: number) => void;

/** A store whose every use is measured. */
export function measuredStore(store: Store, measure: Measure): Store {
  const { sessions, messages, users, ...whole } = store;
  return {
    sessions: measured('sessions.', sessions, measure),
    messages: measured('messages.', messages, measure),
    users: measured('users.', users, measure),
    ...measured('', whole, measure),
  };
}

/** A part of the store, all of which is methods. */
function measured<Part extends object>(prefix: string, part: Part, measure: Measure): Part {
  const methods = Object.entries(part).map(([name, method]) => {
    const run = async (...args: unknown[]): Promise<unknown> => {
      const started = performance.now();
      let outcome = 'ok';
      try {
        return await method(...args);
      } catch (error) {
        outcome = error instanceof DomainError ? error.code : 'INTERNAL';
        throw error;
      } finally {
        measure(prefix + name, outcome, (performance.now() - started) / 1000);
      }
    };
    return [name, run];
  });
  return Object.fromEntries(methods) as Part;
}
