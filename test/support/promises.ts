import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { McpClient, ToolAnswer } from './clients.ts';

/** Whatever calls tools. */
export type ToolCaller = Pick<McpClient, 'callTool'>;

/** Longer than a transaction whose client was killed can stand in the way of others. */
const PATIENCE_MS = 90_000;

/** One call of add_memory; each of its contents is found nowhere else. */
export interface AddCall {
  contents: readonly string[];
  /** Those that the caller gave the messages, if it did. */
  uuids: readonly string[] | undefined;
  /** Present once it is acknowledged. */
  answered?: readonly { uuid: string; seq: number }[];
  /** How often it was made, as far as its caller knows. */
  attempts: number;
}

export interface Listed {
  uuid: string;
  seq: number;
  content: string;
}

/** What has been promised about a session, and what a call in flight may have changed. */
export class SessionPromise {
  readonly session_id: string;
  deleted = false;
  /** Nobody knows whether the last deletion or restoration happened. */
  unsure = false;
  /** It may not be there at all. */
  mayBeMissing = false;
  /** The calls whose messages are in it, and those that went unanswered. */
  calls: AddCall[] = [];
  /** A restoration may have been made twice, which puts back what stayed deleted at a revival, too. */
  mayBePutBack = false;
  /** A sequence number that its messages lie behind. */
  #floor = 0;
  /** The calls whose messages stayed deleted. */
  #retired: AddCall[] = [];

  constructor(session_id: string) {
    this.session_id = session_id;
  }

  /** It comes back by an append, without the messages that it had. */
  revive(): void {
    const seqs = this.calls.flatMap(({ answered = [] }) => answered.map(({ seq }) => seq));
    this.#floor = Math.max(this.#floor, ...seqs);
    this.#retired.push(...this.calls.filter(({ answered }) => answered !== undefined));
    this.calls = [];
    this.deleted = false;
  }

  /** Looks at it through the tools, restoring it if it is deleted. @returns its messages */
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
      this.revive();
      this.calls = unanswered;
    }
    if (found.isError) {
      await succeed(client, 'restore_session', { session_id });
      this.mayBePutBack = true;
    }
    this.unsure = false;
    this.deleted = false;
    const messages = await readConsistent(client, session_id);
    const first = messages[0]?.seq;
    if (this.mayBePutBack && first !== undefined && first <= this.#floor) this.#putBack();
    if (this.#floor === 0) expect([session_id, first ?? 1]).toEqual([session_id, 1]);
    else if (first !== undefined) expect(first).toBeGreaterThan(this.#floor);
    this.compare(messages, prefixes);
    return messages;
  }

  #putBack(): void {
    this.calls = [...this.#retired, ...this.calls];
    this.#retired = [];
    this.#floor = 0;
  }

  /** Compares all of its live messages with what was promised. */
  compare(messages: readonly Listed[], prefixes: boolean): void {
    const copies = new Map<string, Listed[]>();
    for (const message of messages) {
      copies.set(message.content, [...(copies.get(message.content) ?? []), message]);
    }
    for (const call of this.calls) {
      const found = call.contents.map((content) => copies.get(content) ?? []);
      for (const content of call.contents) copies.delete(content);
      const counts = found.map(({ length }) => length);
      const about = JSON.stringify({ session_id: this.session_id, call, found });
      const whole = counts.every((count) => count === counts[0]);
      const prefix = counts.every((count, i) => i === 0 || count <= (counts[i - 1] as number));
      expect(prefixes ? prefix : whole, `half a call: ${about}`).toBe(true);
      const most = call.uuids === undefined ? call.attempts : 1;
      expect(Math.max(...counts), `doubled: ${about}`).toBeLessThanOrEqual(most);
      call.answered?.forEach(({ uuid, seq }, i) => {
        const kept = found[i]?.some((message) => message.uuid === uuid && message.seq === seq);
        expect(kept, `lost or moved: ${about}`).toBe(true);
      });
    }
    expect([this.session_id, ...copies.keys()], 'nobody said that').toEqual([this.session_id]);
  }
}

/** What has been promised about a user. */
export class UserPromise {
  readonly user_id: string;
  deleted = false;
  /** Nobody knows whether the last deletion or restoration happened. */
  unsure = false;
  sessions: SessionPromise[] = [];

  constructor(user_id: string) {
    this.user_id = user_id;
  }

  /** Looks at the user and the sessions through the tools, restoring what is deleted. */
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
    const there: SessionPromise[] = [];
    for (const session of this.sessions) {
      if ((await session.verify(client, prefixes)) !== 'missing') there.push(session);
    }
    this.sessions = there;
  }
}

/** All messages of a live session; its order has no gap, and its counts agree with it. */
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
  const { session, older_message_count } = await succeed(client, 'get_memory', { session_id });
  expect([session_id, session.message_count], 'message_count').toEqual([
    session_id,
    messages.length,
  ]);
  expect(older_message_count).toBe(Math.max(0, messages.length - 12));
  return messages;
}

/** The answer of a call that is repeated, as clients do, for as long as the store is not available. */
export async function settled(
  client: ToolCaller,
  tool: string,
  args: Record<string, unknown>,
): Promise<ToolAnswer> {
  const deadline = Date.now() + PATIENCE_MS;
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
