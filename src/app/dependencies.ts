import { v7 as uuidv7 } from 'uuid';
import type { Dependencies } from '../services/dependencies.ts';
import { FairQueue } from '../services/fair-queue.ts';
import type { StoreUse } from '../store/retention.ts';
import type { LazyStore } from './open-store.ts';

/** What the services get of the process that they run in, beside the dependencies that are given. */
export const processDependencies = (
  store: LazyStore,
  { retention }: StoreUse,
  given: Pick<Dependencies, 'answer' | 'embeddings' | 'onChange'>,
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
