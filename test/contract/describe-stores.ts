import { afterAll, beforeAll, describe } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { STORES, type StoreKind, type TestDatabase } from '../support/stores.ts';

export interface StoreUnderTest {
  kind: StoreKind;
  readonly database: TestDatabase;
  /** One store on the database; others may be opened beside it. */
  readonly store: Store;
}

/** Runs a suite once on every store; where there is none, the title says why it is skipped. */
export function describeStores(title: string, suite: (under: StoreUnderTest) => void): void {
  for (const kind of STORES) {
    const skipped = kind.skipReason !== '';
    const name = `${title} (${kind.name})${skipped ? `: skipped, ${kind.skipReason}` : ''}`;
    describe.skipIf(skipped)(name, () => {
      const under = { kind } as { kind: StoreKind; database: TestDatabase; store: Store };
      beforeAll(async () => {
        under.database = await kind.create();
        under.store = await under.database.open();
      });
      afterAll(async () => {
        await under.store?.close();
        await under.database?.remove();
      });
      suite(under);
    });
  }
}
