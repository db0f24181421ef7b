import type { Store } from '../../store/port.ts';
import { uncoveredIn } from '../facts/uncovered.ts';
import { type Usage, usageAt } from './budget.ts';
import { LEASE_NAME } from './lease.ts';
import { byUser, LAST_USED_FIRST, namespacesOf, sessionPages } from './pages.ts';

/** How many sessions are looked at: those of each namespace that were used last. */
const SESSIONS_MAX = 2000;
const PAGE = 100;

/** The state of the extraction of facts. */
export interface ExtractionStatus {
  /** The process that extracts at the moment. */
  leader?: string;
  /** Of today. */
  usage: Usage;
  /** Messages from which no facts were extracted, as far as they were counted. */
  backlog: { sessions: number; messages: number };
  /** How many sessions were looked at; there are more if `isCut`. */
  looked_at: number;
  isCut: boolean;
}

/** @param now milliseconds since 1970 */
export async function extractionStatus(store: Store, now: number): Promise<ExtractionStatus> {
  const lease = await store.leases.look(LEASE_NAME);
  const status: ExtractionStatus = {
    ...(lease?.holder !== undefined && { leader: lease.holder }),
    usage: usageAt(lease?.state ?? {}, now),
    ...{ backlog: { sessions: 0, messages: 0 }, looked_at: 0, isCut: false },
  };
  for await (const { namespace } of namespacesOf(store)) {
    if (status.looked_at >= SESSIONS_MAX) status.isCut = true;
    if (status.isCut) break;
    await countIn(store, namespace, status);
  }
  return status;
}

async function countIn(store: Store, namespace: string, status: ExtractionStatus): Promise<void> {
  const { backlog } = status;
  for await (const { sessions, next } of sessionPages(store, namespace, LAST_USED_FIRST, PAGE)) {
    const some = sessions.filter(({ message_count }) => message_count > 0);
    for (const [user_id, own] of byUser(some)) {
      const uncovered = await uncoveredIn({ store, namespace, user_id }, own, ['model']);
      backlog.sessions += uncovered.length;
      for (const { count } of uncovered) backlog.messages += count;
    }
    status.looked_at += sessions.length;
    if (next === undefined || status.looked_at < SESSIONS_MAX) continue;
    status.isCut = true;
    return;
  }
}
