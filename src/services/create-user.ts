import type { User } from '../domain/records.ts';
import type { WriteResult } from '../store/common-port.ts';
import type { Store } from '../store/port.ts';
import type { Dependencies } from './dependencies.ts';
import { retryAfterPurge } from './undo-deadline.ts';

/** Inserts a user and announces it. A user whose undo deadline is over gives way to it. */
export async function createUser(
  deps: Dependencies,
  store: Store,
  namespace: string,
  user: User,
): Promise<WriteResult<User>> {
  const { user_id } = user;
  const attempt = () => store.users.insert(namespace, user);
  const outcome = await retryAfterPurge(
    deps,
    await attempt(),
    (outcome) => (outcome.applied ? undefined : outcome.found),
    (cutoff) => store.users.purge(namespace, user_id, cutoff),
    attempt,
  );
  if (outcome.applied) deps.onChange(namespace, { user_id });
  return outcome;
}
