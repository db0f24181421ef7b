import { setTimeout as delay } from 'node:timers/promises';
import type { SessionRef } from '../access-scope.ts';
import type { Deployment } from '../connection/index.ts';
import {
  commitOf,
  fenceOff,
  readHead,
  removeOwn,
  timeLimit,
  type WriteContext,
  write,
} from './commit.ts';
import type { Waiting } from './group-queue.ts';
import { headAfter, newHead, type SessionHead, toAppended } from './session-head.ts';
import type { SessionHeadCache } from './session-head-cache.ts';
import { ConflictError, findExisting, NONE, positionsOf, toDocuments } from './writes.ts';

/** How long before its caller the server gives up a command, in milliseconds. */
export const LEAD_MS = 1000;

/** How often, and at first for how long, an append waits for whoever has taken its place. */
const MAX_WAITS = 7;
const FIRST_WAIT_MS = 5;

interface Context extends Deployment, WriteContext {
  target: SessionRef;
  heads: SessionHeadCache;
  /** Has one of a group go by itself, later. */
  alone(one: Waiting): void;
}

/**
 * Writes appends to one session in one command, and answers each as if they had come one after the other.
 *
 * @param members those that go alone instead are taken out
 * @throws whatever the driver does, for all that are left; whether they were applied is not known
 */
export async function writeTogether(context: Context, members: Waiting[]): Promise<void> {
  const { db, target, heads } = context;
  const deadline = Math.min(...members.map((one) => one.deadline)) - LEAD_MS;
  const met = members.find(({ failed }) => failed !== undefined)?.failed;
  let head = heads.take(target);
  let isCached = head !== undefined;
  /** The head behind which a place was taken. */
  let stuck: SessionHead | undefined;
  let waits = 0;
  let fences = 0;
  for (let round = 0; ; round++) {
    if (round > 1) await delay(Math.random() * Math.min(round, 10));
    timeLimit(deadline, met);
    if (head === undefined) {
      isCached = false;
      const read = await readHead(db, target);
      head = read.head;
      if (read.refused !== undefined || (head === undefined && target.user_id !== undefined)) {
        for (const one of members) one.resolve({ applied: false, found: read.refused });
        return;
      }
    }
    head ??= newHead(target, (members[0] as Waiting).append);
    if (stuck !== undefined && isSame(stuck, head)) {
      if (waits < MAX_WAITS + fences) {
        await delay((0.5 + 0.5 * Math.random()) * FIRST_WAIT_MS * 2 ** waits++);
        head = undefined;
        continue;
      }
      head = await fenceOff(db, head, deadline);
      fences += 1;
    }
    stuck = undefined;
    waits = 0;
    if (head === undefined) continue;
    // After the head: whoever adds one of these uuids from now on moves it.
    const unsure = members.filter((one) => one.failed !== undefined || one.append.hasClientUuids);
    let existing = await findExisting(db, head, unsure.flatMap(uuidsOf));
    const old = new Set([...existing.live.values(), ...existing.retired].map(({ uuid }) => uuid));
    if (isCached && (existing.behind || old.size > 0)) {
      head = undefined;
      continue;
    }
    if (existing.behind && fences === 0 && met !== undefined) {
      // Most likely it is what the failed attempt left: nobody has to be waited for.
      head = await fenceOff(db, head, deadline);
      fences += 1;
      continue;
    }
    const fresh = members.filter((one) => !uuidsOf(one).some((uuid) => old.has(uuid)));
    const group = fresh.length > 0 ? fresh : members.slice(0, 1);
    if (fresh.length > 0) existing = NONE;
    for (const one of members.splice(0).reverse()) if (!group.includes(one)) context.alone(one);
    members.push(...group);

    const appends = group.map(({ append }) => append);
    const [first] = appends as [(typeof appends)[0]];
    const parts: ReturnType<typeof toDocuments>[] = [];
    let last = head.last_seq;
    for (const { messages, at } of appends) {
      const added = messages.filter(({ uuid }) => !existing.live.has(uuid));
      parts.push(toDocuments(head, last + 1, added, at));
      last += added.length;
    }
    if (head.deleted !== undefined) head.revived_by = first.messages[0]?.uuid as string;
    const documents = parts.flat();
    const commit = commitOf(head, documents.length, appends);
    try {
      await write(context, documents, commit, { existing, append: first }, deadline);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (error.inserted > 0) await removeOwn(db, head, documents);
      if (error.taken && !head.isNew) stuck = head;
      head = undefined;
      continue;
    }
    for (const [i, { append, resolve }] of group.entries()) {
      const added = parts[i] as (typeof parts)[0];
      head = headAfter(head, added.length, append.at);
      const places = positionsOf(append, existing.live, added);
      resolve({ applied: true, record: toAppended(head, append, places) });
    }
    heads.put(head);
    return;
  }
}

const uuidsOf = ({ append }: Waiting) => append.messages.map(({ uuid }) => uuid);

const isSame = (a: SessionHead, b: SessionHead) =>
  a._id === b._id && a.last_seq === b.last_seq && a.fence === b.fence;
