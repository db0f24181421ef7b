import { userNamespace } from '../../domain/fact-namespace.ts';
import type { Position } from '../../domain/pagination.ts';
import type { Session } from '../../domain/records.ts';
import type { NamespaceActivity, SessionQuery, Store } from '../../store/port.ts';

const NAMESPACES_AT_ONCE = 100;

/** The namespaces that have sessions of users, in the order of their names. */
export async function* namespacesOf(store: Store): AsyncGenerator<NamespaceActivity> {
  for (let after: string | undefined; ; ) {
    const page = await store.sessions.namespaces(after, NAMESPACES_AT_ONCE);
    // Facts are no messages.
    yield* page.filter(({ namespace }) => userNamespace(namespace) === namespace);
    after = page.at(-1)?.namespace;
    if (page.length < NAMESPACES_AT_ONCE) return;
  }
}

/** Which live sessions are listed, and in which order. */
type SessionOrder = Pick<SessionQuery, 'user_id' | 'order_by' | 'order'>;

export const LAST_USED_FIRST: SessionOrder = { order_by: 'updated_at', order: 'desc' };

/** A page of sessions, and where the next one begins; absent on the last page. */
interface SessionPage {
  sessions: Session[];
  next?: Position;
}

/**
 * A page of the live sessions of a namespace, without their metadata.
 *
 * @param limit how many sessions a page has
 * @param from where it begins; at the first session if left out
 */
export async function sessionPage(
  store: Store,
  namespace: string,
  order: SessionOrder,
  limit: number,
  from: Position | undefined,
): Promise<SessionPage> {
  const { records: sessions } = await store.sessions.list(
    namespace,
    { ...order, deleted: 'exclude' },
    { limit, metadataMaxBytes: 0, ...(from !== undefined && { after: from }) },
  );
  const last = sessions.length < limit ? undefined : sessions.at(-1);
  if (last === undefined) return { sessions };
  return { sessions, next: { value: Date.parse(last[order.order_by]), key: last.uuid } };
}

/** All pages, as `sessionPage` has them. The last one may be empty. */
export async function* sessionPages(
  store: Store,
  namespace: string,
  order: SessionOrder,
  limit: number,
): AsyncGenerator<SessionPage> {
  let from: Position | undefined;
  do {
    const page = await sessionPage(store, namespace, order, limit, from);
    yield page;
    from = page.next;
  } while (from !== undefined);
}

/** Sessions that have a user, by user, in reverse order. */
export function byUser(sessions: readonly Session[]): Map<string, Session[]> {
  const found = new Map<string, Session[]>();
  for (const session of sessions) {
    if (session.user_id === undefined) continue;
    found.set(session.user_id, [session, ...(found.get(session.user_id) ?? [])]);
  }
  return found;
}
