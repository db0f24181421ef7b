import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import type { Caller } from '../../src/services/caller.ts';
import type { AnswerShape } from '../../src/services/dependencies.ts';
import type { Store } from '../../src/store/port.ts';
import {
  createServices,
  MONGODB_REPLICA_SET,
  type Services,
  SQLITE,
  type TestDatabase,
} from '../support/stores.ts';

export interface ServicesUnderTest extends Services {
  /** May reach everything in its namespace, which is new for each test. */
  caller: Caller;
  /** The same caller, pinned to a user. */
  pinned(user_id: string): Caller;
}

/**
 * Runs a suite on the services with each kind of store. The services, their clock and the namespace are
 * new for each test.
 *
 * @param answer how the front end renders records; as tools do if left out
 */
export function describeServices(
  title: string,
  suite: (at: ServicesUnderTest) => void,
  answer?: AnswerShape,
): void {
  for (const kind of [SQLITE, MONGODB_REPLICA_SET]) {
    const skipped = kind.skipReason !== '';
    const name = `${title} (${kind.name})${skipped ? `: skipped, ${kind.skipReason}` : ''}`;
    describe.skipIf(skipped)(name, () => {
      let database: TestDatabase;
      let store: Store;
      let number = 0;
      const at = {} as ServicesUnderTest;
      beforeAll(async () => {
        database = await kind.create();
        store = await database.open();
      });
      afterAll(async () => {
        await store?.close();
        await database?.remove();
      });
      beforeEach(() => {
        const namespace = `services-${number++}`;
        const pinned = (user_id: string) => ({ namespace, user_id });
        Object.assign(at, createServices(store, undefined, answer && { answer }), {
          caller: { namespace },
          pinned,
        });
      });
      suite(at);
    });
  }
}
