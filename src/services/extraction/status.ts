import { userNamespace } from '../../domain/fact-namespace.ts';
import type { Session } from '../../domain/records.ts';
import type { Store } from '../../store/port.ts';
import { coverageOf } from '../facts/coverage.ts';
import { uncoveredOf } from '../facts/uncovered.ts';
import { type Usage, usageAt } from './budget.ts';
import { LEASE_NAME } from './worker.ts';

/** How many sessions are looked at: those of each namespace that were used last. */
const SESSIONS_MAX = 2000;
const PAGE = 100;

/** How it is about the extraction of facts. */
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
  for (let after: string | undefined; ; ) {
    const page = await store.sessions.namespaces(after, PAGE);
    for (const { namespace } of page) {
      if (userNamespace(namespace) === namespace) await countIn(store, namespace, status);
    }
    after = page.at(-1)?.namespace;
    if (page.length < PAGE || status.isCut) return status;
  }
}

async function countIn(store: Store, namespace: string, status: ExtractionStatus): Promise<void> {
  let after: { value: number; key: string } | undefined;
  do {
    const { records } = await store.sessions.list(
      namespace,
      { order_by: 'updated_at', order: 'desc', deleted: 'exclude' },
      { limit: PAGE, metadataMaxBytes: 0, ...(after !== undefined && { after }) },
    );
    const owned = records.filter(({ user_id, message_count }) => user_id && message_count > 0);
    for (const session of owned) await count(store, namespace, session, status);
    status.looked_at += records.length;
    const last = records.length < PAGE ? undefined : records.at(-1);
    after = last && { value: Date.parse(last.updated_at), key: last.uuid };
    status.isCut = after !== undefined && status.looked_at >= SESSIONS_MAX;
  } while (after !== undefined && !status.isCut);
}

async function count(
  store: Store,
  namespace: string,
  { uuid, session_id, user_id = '' }: Session,
  { backlog }: ExtractionStatus,
): Promise<void> {
  const through = await coverageOf({ store, namespace, user_id }, [uuid], ['model']);
  const uncovered = await uncoveredOf(store, namespace, session_id, through.get(uuid) ?? 0);
  if (uncovered.count === 0) return;
  backlog.sessions++;
  backlog.messages += uncovered.count;
}
