import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { McpClient, ToolAnswer } from './clients.ts';

/** A client, as far as it calls tools. */
export type ToolCaller = Pick<McpClient, 'callTool'>;

/** Longer than the transaction of a killed client can block others. */
const TIMEOUT_MS = 90_000;
/** How many messages get_memory returns at least. */
const LAST = 12;

/** One call of add_memory. Its contents are unique in the test. */
export interface AddCall {
  contents: readonly string[];
  /** The contents of an unanswered call that repeats the uuids. */
  revised?: readonly string[] | undefined;
  /** The uuids that the caller gave the messages, if it gave any. */
  uuids: readonly string[] | undefined;
  /** Present once it is acknowledged. */
  answered?: readonly MessageId[];
  /** How often it was made, as far as its caller knows. */
  attempts: number;
}

interface MessageId {
  uuid: string;
  seq: number;
}

export interface Listed extends MessageId {
  content: string;
}

/** What a session has to hold by the acknowledged calls, and what unanswered ones may have changed. */
export class ExpectedSession {
  readonly session_id: string;
  deleted = false;
  /** It is unknown whether the last deletion or restoration took effect. */
  unsure = false;
  /** The session may not exist. */
  mayBeMissing = false;
  /** The calls whose messages are live, and the unanswered calls. */
  calls: AddCall[] = [];
  /** The calls whose messages stayed deleted at a revival. Another restoration brings them back. */
  #retired: AddCall[] = [];
  /** A restoration was repeated and may have brought the retired messages back. */
  #mayBeWhole = false;
  readonly extras = new ExpectedExtras();

  constructor(session_id: string) {
    this.session_id = session_id;
  }

  /** An append revives the session without its earlier messages. */
  revive(): void {
    this.#retired.push(...this.calls);
    this.calls = [];
    this.deleted = false;
  }

  /** @param attempts how often it was restored, as far as the caller knows */
  restore(attempts: number): void {
    this.deleted = false;
    if (attempts > 1) this.#mayBeWhole = true;
  }

  /**
   * Reads the session through the tools and restores it if it is deleted. Afterwards the outcome of
   * every unanswered call is known.
   *
   * @param prefixes whether the first messages of an unanswered call may be stored without the rest
   * @returns its messages
   */
  async verify(client: ToolCaller, prefixes: boolean): Promise<Listed[] | 'missing'> {
    const { session_id } = this;
    const found = await settled(client, 'get_session', { session_id });
    if (found.isError && !/deleted/i.test(found.text)) {
      expect(this.mayBeMissing, found.text).toBe(true);
      return 'missing';
    }
    this.mayBeMissing = false;
    const unanswered = this.calls.filter(({ answered }) => answered === undefined);
    const mayBeRevived = this.deleted && unanswered.length > 0;
    if (!this.unsure && !mayBeRevived) {
      expect([session_id, found.isError], found.text).toEqual([session_id, this.deleted]);
    }
    if (mayBeRevived && !found.isError) {
      this.calls = this.calls.filter(({ answered }) => answered !== undefined);
      this.revive();
      this.calls = unanswered;
    }
    if (this.unsure || found.isError) this.#mayBeWhole = true;
    if (found.isError) await succeed(client, 'restore_session', { session_id });
    this.unsure = false;
    this.deleted = false;
    const messages = await this.#readWhole(client, prefixes);
    expect([session_id, messages[0]?.seq ?? 1], 'the first').toEqual([session_id, 1]);
    this.compare(messages, prefixes);
    this.#settle(messages);
    this.extras.compare(await succeed(client, 'get_memory', { session_id }));
    return messages;
  }

  /** Compares all live messages of the session with the calls. */
  compare(messages: readonly Listed[], prefixes: boolean): void {
    const copies = copiesOf(messages);
    for (const call of this.calls) {
      const contents = currentContents(call, copies);
      const found = contents.map((content) => copies.get(content) ?? []);
      for (const content of contents) copies.delete(content);
      const counts = found.map(({ length }) => length);
      const about = JSON.stringify({ session_id: this.session_id, call, found });
      const whole = counts.every((count) => count === counts[0]);
      const prefix = counts.every((count, i) => i === 0 || count <= (counts[i - 1] as number));
      expect(prefixes ? prefix : whole, `half a call: ${about}`).toBe(true);
      const revised = contents.filter((content) => call.revised?.includes(content)).length;
      expect(
        prefixes || revised === 0 || revised === contents.length,
        `half revised: ${about}`,
      ).toBe(true);
      const most = call.uuids === undefined ? call.attempts : 1;
      expect(Math.max(...counts), `doubled: ${about}`).toBeLessThanOrEqual(most);
      call.answered?.forEach(({ uuid, seq }, i) => {
        const kept = found[i]?.some((message) => message.uuid === uuid && message.seq === seq);
        expect(kept, `lost or moved: ${about}`).toBe(true);
      });
    }
    expect([this.session_id, ...copies.keys()], 'nobody said that').toEqual([this.session_id]);
  }

  /** The messages, after those that stayed deleted at a revival are put back. */
  async #readWhole(client: ToolCaller, prefixes: boolean): Promise<Listed[]> {
    const { session_id } = this;
    const live = await readConsistent(client, session_id);
    const retired = new Set(this.#retired.flatMap(({ contents }) => contents));
    const isWhole = live.some(({ content }) => retired.has(content));
    expect(isWhole && !this.#mayBeWhole, `${session_id}: nobody restored that`).toBe(false);
    if (!isWhole) this.compare(live, prefixes);
    this.calls = [...this.#retired, ...this.calls];
    this.#retired = [];
    this.#mayBeWhole = false;
    if (isWhole || retired.size === 0) return live;
    await succeed(client, 'restore_session', { session_id });
    return readConsistent(client, session_id);
  }

  /** Counts the stored messages as acknowledged, and forgets calls that stored none. */
  #settle(messages: readonly Listed[]): void {
    const copies = copiesOf(messages);
    this.calls = this.calls.flatMap((call) => {
      const contents = currentContents(call, copies).filter((content) => copies.has(content));
      if (contents.length === 0) return [];
      const found = contents.map((content) => copies.get(content) as Listed[]);
      const answered = call.answered ?? found.map(([first]) => first as Listed);
      const attempts = Math.max(...found.map(({ length }) => length));
      const uuids = call.uuids?.slice(0, contents.length);
      return [{ contents, uuids, answered, attempts }];
    });
  }
}

/** The metadata and the summary that a session has to have. */
class ExpectedExtras {
  readonly metadata = new Map<string, number>();
  summary: string | undefined;
  /** The keys of metadata, and the summaries, of unanswered calls. */
  readonly #unanswered = new Set<string>();

  /** Runs a call that writes a unique content, and notes whether it was acknowledged. */
  async track(content: string, call: () => Promise<void>): Promise<void> {
    this.#unanswered.add(content);
    await call();
    this.#unanswered.delete(content);
  }

  compare(memory: { session: { metadata?: object }; summary?: { content: string } }): void {
    const { metadata = {} } = memory.session;
    expect(metadata).toMatchObject(Object.fromEntries(this.metadata));
    for (const [key, value] of Object.entries(metadata)) {
      expect(this.metadata.has(key) || this.#unanswered.has(key), `nobody set ${key}`).toBe(true);
      this.metadata.set(key, value);
    }
    const summary = memory.summary?.content;
    expect([this.summary, ...this.#unanswered]).toContain(summary);
    this.summary = summary;
    this.#unanswered.clear();
  }
}

function copiesOf(messages: readonly Listed[]): Map<string, Listed[]> {
  const copies = new Map<string, Listed[]>();
  for (const message of messages) {
    copies.set(message.content, [...(copies.get(message.content) ?? []), message]);
  }
  return copies;
}

/** The current content of each message of a call: the revised one if that is stored. */
const currentContents = (
  { contents, revised }: AddCall,
  copies: ReadonlyMap<string, unknown>,
): string[] =>
  contents.map((content, i) => {
    const other = revised?.[i];
    return other !== undefined && copies.has(other) ? other : content;
  });

/** What a user has to own by the acknowledged calls. */
export class ExpectedUser {
  readonly user_id: string;
  deleted = false;
  /** It is unknown whether the last deletion or restoration took effect. */
  unsure = false;
  sessions: ExpectedSession[] = [];

  constructor(user_id: string) {
    this.user_id = user_id;
  }

  /** Reads the user and the sessions through the tools and restores what is deleted. */
  async verify(client: ToolCaller, prefixes: boolean): Promise<void> {
    const { user_id } = this;
    const found = await settled(client, 'get_user', { user_id });
    if (!this.unsure) expect([user_id, found.isError], found.text).toEqual([user_id, this.deleted]);
    if (found.isError) {
      for (const { session_id } of this.sessions) {
        const session = await settled(client, 'get_session', { session_id });
        expect([session_id, session.isError], 'half a deletion').toEqual([session_id, true]);
      }
      const rest = await settled(client, 'list_sessions', { user_id });
      expect(rest.isError ? [] : rest.content.sessions).toEqual([]);
      await succeed(client, 'restore_user', { user_id });
    }
    this.unsure = false;
    this.deleted = false;
    const certain = this.sessions.filter(({ unsure, mayBeMissing, deleted, calls }) => {
      const revived = deleted && calls.some(({ answered }) => answered === undefined);
      return !unsure && !mayBeMissing && !revived;
    });
    const { sessions } = await succeed(client, 'list_sessions', { user_id, limit: 1000 });
    const live = new Set(sessions.map(({ session_id }: { session_id: string }) => session_id));
    const back = certain.filter(({ session_id }) => live.has(session_id));
    expect(back, 'half a restoration').toEqual(certain.filter(({ deleted }) => !deleted));
    const existing: ExpectedSession[] = [];
    for (const session of this.sessions) {
      if ((await session.verify(client, prefixes)) !== 'missing') existing.push(session);
    }
    this.sessions = existing;
  }
}

/** All messages of a live session. Checks that seq has no gap and that the counts agree. */
export async function readConsistent(client: ToolCaller, session_id: string): Promise<Listed[]> {
  const messages: Listed[] = [];
  let cursor: string | undefined;
  do {
    const args = { session_id, limit: 100, ...(cursor !== undefined && { cursor }) };
    const page = await succeed(client, 'list_messages', args);
    messages.push(...page.messages);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  const first = messages[0]?.seq ?? 1;
  expect([session_id, ...messages.map(({ seq }) => seq)], 'gaps').toEqual([
    session_id,
    ...messages.map((_, i) => first + i),
  ]);
  expect(new Set(messages.map(({ uuid }) => uuid)).size, `${session_id}: doubled`).toBe(
    messages.length,
  );
  const memory = await succeed(client, 'get_memory', { session_id });
  expect([session_id, memory.session.message_count], 'message_count').toEqual([
    session_id,
    messages.length,
  ]);
  // get_memory leaves out times that tell nothing new.
  const newest = messages.slice(memory.older_message_count);
  expect(newest).toMatchObject(memory.messages);
  expect(newest).toHaveLength(memory.messages.length);
  expect(memory.messages.length).toBeGreaterThanOrEqual(Math.min(messages.length, LAST));
  return messages;
}

/** The answer of a call, which is repeated while the store is unavailable, as clients do. */
export async function settled(
  client: ToolCaller,
  tool: string,
  args: Record<string, unknown>,
): Promise<ToolAnswer> {
  const deadline = Date.now() + TIMEOUT_MS;
  let answer = await client.callTool(tool, args);
  while (answer.isError && answer.content.error.retryable && Date.now() < deadline) {
    await delay(100);
    answer = await client.callTool(tool, args);
  }
  return answer;
}

async function succeed(
  client: ToolCaller,
  tool: string,
  args: Record<string, unknown>,
): Promise<ToolAnswer['content']> {
  const { isError, text, content } = await settled(client, tool, args);
  expect(isError, `${tool} ${JSON.stringify(args)}: ${text}`).toBe(false);
  return content;
}
