import { v7 as uuidv7 } from 'uuid';
import type { Dependencies } from '../services/dependencies.ts';
import { FairQueue } from '../services/fair-queue.ts';
import type { StoreUse } from '../store/retention.ts';
import type { LazyStore } from './open-store.ts';

/**
 * Creates the dependencies of the services in this process.
 *
 * @param given those that differ between a server and a command
 */
export const processDependencies = (
  store: LazyStore,
  { retention }: StoreUse,
  given: Pick<Dependencies, 'answer' | 'embeddings' | 'extractsFacts' | 'onChange'>,
): Dependencies => ({
  ...given,
  // Every call enters these functions, so none of them is wrapped.
  store: store.get,
  now: Date.now,
  newUuid: uuidv7,
  get purgeAfter() {
    return retention.current;
  },
  longReads: new FairQueue(),
});
