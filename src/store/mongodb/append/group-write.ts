import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { jsonBytes } from '../../../domain/metadata.ts';
import type { Session } from '../../../domain/records.ts';
import type { WriteResult } from '../../common-port.ts';
import type { Append, Appended, NewMessage } from '../../message-port.ts';
import type { SessionRef } from '../access-scope.ts';
import { LEAD_MS } from '../connection/client.ts';
import { unavailable } from '../connection/errors.ts';
import type { MessageDocument } from '../documents.ts';
import { commitOf, MIN_TIME_MS, removeOwn, type WriteContext, write } from './commit.ts';
import { fenceOff, readHead, readMoved } from './head-moves.ts';
import {
  headAfter,
  newHead,
  type SessionHead,
  type SessionHeadCache,
  toAppended,
  toDocuments,
} from './session-head.ts';
import { ConflictError, type Existing, findExisting, NONE, TakenError } from './writes.ts';

/** How much one command may bring: less than half of the bytes that the server takes in a message. */
const GROUP_MAX_BYTES = 20_000_000;
const GROUP_MAX_MESSAGES = 5000;

/** An append that waits for its turn. */
export interface Waiting {
  append: Append;
  /** When its caller stops waiting, in milliseconds since 1970. */
  deadline: number;
  /** Why an earlier attempt failed, which may have got through. */
  failed?: unknown;
  /** It goes by itself, and first: it has had its turn. */
  alone?: true;
  resolve(result: WriteResult<Appended, Session>): void;
  reject(error: unknown): void;
}

interface Context extends WriteContext {
  limitTime(deadline: number): Db;
  target: SessionRef;
  heads: SessionHeadCache;
  /** Sends one of a group by itself, later. */
  alone(one: Waiting): void;
}

/**
 * Writes appends to one session in one command, and answers each as if they had come one after the other.
 *
 * @param members the appends; those that are answered, or sent by themselves, are taken out
 * @throws whatever the driver does, for all that are left; whether they were applied is not known
 */
export async function writeTogether(context: Context, members: Waiting[]): Promise<void> {
  const { target, heads } = context;
  const met = members.find(({ failed }) => failed !== undefined)?.failed;
  let isCached = true;
  let known = heads.take(target);
  /** The head behind which a place was taken. */
  let stuck: SessionHead | undefined;
  let fences = 0;
  for (let round = 0; ; round++) {
    if (round > 1) await delay(Math.random() * Math.min(round, 10));
    rejectLate(members);
    if (members.length === 0) return;
    const deadline = Math.min(...members.map((one) => one.deadline));
    const db = context.limitTime(deadline);
    if (known === undefined) {
      isCached = false;
      const found = await (stuck === undefined
        ? readHead(db, target)
        : readMoved(db, target, stuck, fences));
      if ('isFenced' in found) fences += 1;
      if (found.refused || (found.head === undefined && target.user_id !== undefined)) {
        for (const one of members) one.resolve({ applied: false, found: found.refused });
        return;
      }
      known = found.head;
    }
    const [first] = members as [Waiting];
    const head = known ?? newHead(target, first.append.newUuid());
    known = undefined;
    stuck = undefined;

    // After the head: whoever adds one of these uuids from now on moves it.
    const unsure = members.filter((one) => one.failed !== undefined || one.append.hasClientUuids);
    const all = unsure.length === 0 ? NONE : await findExisting(db, head, unsure.flatMap(uuidsOf));
    const old = new Set([...all.live.values(), ...all.retired].map(({ uuid }) => uuid));
    if (isCached && (all.behind || old.size > 0)) continue;
    if (all.behind && met !== undefined && fences === 0) {
      // Most likely it is what the failed attempt left: nobody has to be waited for.
      known = (await fenceOff(db, target, head)).head;
      fences += 1;
      continue;
    }
    const fresh = members.filter((one) => !uuidsOf(one).some((uuid) => old.has(uuid)));
    const group = fresh.length > 0 ? fresh : [first];
    const existing = fresh.length > 0 ? NONE : all;
    for (const one of members.splice(0).reverse()) if (!group.includes(one)) context.alone(one);
    members.push(...group);

    const appends = group.map(({ append }) => append);
    const parts = newMessages(head, appends, existing.live);
    const documents = parts.flat();
    if (head.deleted !== undefined) head.revived_by = uuidsOf(group[0] as Waiting)[0] as string;
    const commit = commitOf(head, documents.length, appends);
    try {
      const change = { existing, append: first.append };
      await write({ ...context, db, deadline }, documents, commit, change);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      const isTaken = error instanceof TakenError;
      if (!isTaken || error.inserted > 0) await removeOwn(db, head, documents);
      if (isTaken && !head.isNew) stuck = head;
      continue;
    }
    heads.put(answer(head, group, parts, existing.live));
    return;
  }
}

/** Takes out those that have no time left for a command. */
function rejectLate(members: Waiting[]): void {
  for (const one of members.splice(0)) {
    if (one.deadline - LEAD_MS - MIN_TIME_MS > Date.now()) members.push(one);
    else one.reject(unavailable(one.failed ?? new Error('no turn in time')));
  }
}

/** The messages of each append that are not there yet, one append behind the other. */
function newMessages(
  head: SessionHead,
  appends: readonly Append[],
  live: Existing['live'],
): MessageDocument[][] {
  let next = head.last_seq + 1;
  return appends.map((append) => {
    const messages = append.messages.filter(({ uuid }) => !live.has(uuid));
    const first = next;
    next += messages.length;
    return toDocuments(head, first, { ...append, messages });
  });
}

/** Answers each append of a group. Returns the head behind the last of them. */
function answer(
  head: SessionHead,
  group: readonly Waiting[],
  parts: readonly MessageDocument[][],
  live: Existing['live'],
): SessionHead {
  let reached = head;
  for (const [i, { append, resolve }] of group.entries()) {
    const added = parts[i] ?? [];
    reached = headAfter(reached, added.length, append);
    const isFirst = head.isNew === true && i === 0;
    const record = toAppended(reached, append, live, added);
    resolve({ applied: true, record: { ...record, ...(isFirst && { created: true }) } });
  }
  return reached;
}

const uuidsOf = ({ append }: Waiting) => append.messages.map(({ uuid }) => uuid);

/** Takes the next group from a queue: no two of it bring the same uuid. */
export function takeGroup(queue: Waiting[]): Waiting[] {
  if (queue.length === 1) return queue.splice(0);
  const group: Waiting[] = [];
  const uuids = new Set<string>();
  let bytes = 0;
  for (const one of queue.splice(0)) {
    const { messages } = one.append;
    bytes += messages.map(bytesOf).reduce((sum, some) => sum + some, 0);
    const isShort = bytes <= GROUP_MAX_BYTES && uuids.size + messages.length <= GROUP_MAX_MESSAGES;
    const isOther = isShort && !messages.some(({ uuid }) => uuids.has(uuid));
    for (const { uuid } of messages) uuids.add(uuid);
    const joins = group.length === 0 || (isOther && !one.alone && !group[0]?.alone);
    (joins ? group : queue).push(one);
  }
  return group;
}

/** About how many bytes a message takes on the way to the server, rather more than less. */
const bytesOf = ({ content, parts, metadata, terms }: NewMessage): number => {
  const { preview = '', whole = '' } = parts ?? {};
  // UTF-8 takes three for a character of JavaScript, and BSON six times what JSON takes.
  const text = 3 * (content.length + preview.length + whole.length);
  return 1000 + text + 6 * jsonBytes(metadata) + 64 * terms.length;
};
