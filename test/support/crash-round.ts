import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { Caller, GaveUp, type ReconnectingClient, type Statistics } from './callers.ts';
import type { McpClient } from './clients.ts';
import {
  type AddCall,
  ExpectedSession,
  type ExpectedUser,
  readConsistent,
  settled,
} from './durability-oracle.ts';
import type { Random } from './random.ts';

const WRITERS = 4;

/** The time from the first calls to the crash, in milliseconds. */
const CRASH_MS = { earliest: 20, latest: 400 };
/** How long callers go on after recovery, in milliseconds. */
const AFTERWARDS_MS = 300;

/** The share of calls that add a hundred messages instead of a few. */
const LARGE = 0.07;

/** What a round is about. */
export interface Incident {
  /** Without transactions, an unacknowledged call may be stored in part until it is repeated. */
  prefixes: boolean;
  /** @returns once everything is reachable again */
  crash(clients: readonly ReconnectingClient[], random: Random): Promise<void>;
  /** Makes a deleted session one that the next sweep purges. */
  expire?(sessionId: string): Promise<void>;
}

/** One crash with concurrent callers, and what the store has to hold afterwards. */
export class Round {
  readonly #number: number;
  readonly #users: readonly ExpectedUser[];
  readonly #incident: Incident;
  /** Each is written by one caller. */
  readonly #own: ExpectedSession[] = [];
  /** All callers append to it and merge into its metadata, and do nothing else with it. */
  readonly #shared: ExpectedSession;
  /** All callers use all operations on it. */
  readonly #contested: string;
  #stopped = false;
  #said = 0;

  constructor(number: number, users: readonly ExpectedUser[], incident: Incident) {
    this.#number = number;
    this.#users = users;
    this.#incident = incident;
    this.#shared = new ExpectedSession(`shared ${number}`);
    this.#shared.mayBeMissing = true;
    this.#contested = `contested ${number}`;
  }

  async run(
    clients: readonly ReconnectingClient[],
    random: Random,
    statistics: Statistics,
  ): Promise<void> {
    let callers = 0;
    const caller = (who: string) => {
      const client = clients[callers++ % clients.length] as ReconnectingClient;
      return new Caller(client, random.fork(`${who} ${callers}`), statistics);
    };
    const loops = [
      ...Array.from({ length: WRITERS }, (_, i) => this.#writeDiary(caller('writer'), i)),
      ...this.#users.map((user) => this.#keep(caller('keeper'), user)),
    ];
    const work = Promise.all(loops.map((loop) => loop.catch(unlessGaveUp)));
    const incident = async () => {
      // The crash has to hit calls in flight, so the servers have to be up first.
      await Promise.all(
        clients.map((client) => client.call('get_session', { session_id: 'nobody' })),
      );
      await delay(random.between(CRASH_MS.earliest, CRASH_MS.latest));
      await this.#incident.crash(clients, random);
      await delay(AFTERWARDS_MS);
    };
    try {
      await Promise.race([incident(), work.then(() => new Promise(() => {}))]);
    } finally {
      this.#stopped = true;
    }
    await work;
  }

  /** @returns the messages of all sessions, none of which is written any more */
  async verify(client: McpClient): Promise<Map<string, unknown>> {
    const { prefixes } = this.#incident;
    const kept = new Map<string, unknown>();
    for (const session of [...this.#own, this.#shared]) {
      const messages = await session.verify(client, prefixes);
      if (messages !== 'missing') kept.set(session.session_id, messages);
    }
    for (const user of this.#users) await user.verify(client, prefixes);
    const session_id = this.#contested;
    const restored = await settled(client, 'restore_session', { session_id });
    if (!restored.isError) kept.set(session_id, await readConsistent(client, session_id));
    else expect(restored.content.error.code, restored.text).toBe('NOT_FOUND');
    return kept;
  }

  /** Appends and notes the call. With its own uuids, a retry stores nothing twice. */
  async add(
    caller: Caller,
    session: ExpectedSession,
    count: number,
    withUuids: boolean,
  ): Promise<void> {
    const contents = Array.from({ length: count }, () => this.#sayNew());
    const uuids = withUuids ? contents.map(() => randomUUID()) : undefined;
    const call: AddCall = { contents, uuids, attempts: Number.POSITIVE_INFINITY };
    const before = session.deleted;
    session.calls.push(call);
    const { session_id } = session;
    const messages = messagesOf(contents, uuids);
    const { answer, attempts } = await caller.call('add_memory', { session_id, messages });
    if (before) {
      session.calls.pop();
      session.revive();
      session.calls.push(call);
    }
    session.mayBeMissing = false;
    call.attempts = attempts;
    call.answered = answer.content.messages;
    const first = call.answered?.[0]?.seq ?? 0;
    // In order. Without transactions, the rest of an interrupted call may follow later messages.
    const seqs = call.answered?.map(({ seq }) => seq) ?? [];
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    if (attempts === 1) expect(seqs).toEqual(contents.map((_, i) => first + i));
  }

  async #writeDiary(caller: Caller, number: number): Promise<void> {
    const { random } = caller;
    const session = new ExpectedSession(`diary ${this.#number}.${number}`);
    session.mayBeMissing = true;
    this.#own.push(session);
    await this.add(caller, session, 1, true);
    while (!this.#stopped) {
      const dice = random.next();
      if (dice < 0.25) await this.add(caller, session, anyCount(random), true);
      else if (dice < 0.35) await this.add(caller, session, random.between(1, 4), false);
      else if (dice < 0.5) await this.add(caller, this.#shared, random.between(1, 4), true);
      else if (dice < 0.65) await this.#toggle(caller, session);
      else if (dice < 0.75) await this.#contend(caller);
      else if (dice < 0.8) await this.#merge(caller, this.#shared);
      else if (dice < 0.84) await this.#doom(caller);
      else if (!session.deleted) await this.#changeLive(caller, session);
    }
  }

  /** The operations that only a live session accepts. */
  async #changeLive(caller: Caller, session: ExpectedSession): Promise<void> {
    const dice = caller.random.next();
    if (dice < 0.25) await this.#merge(caller, session);
    else if (dice < 0.5) await this.#revise(caller, session);
    else if (dice < 0.75) await this.#summarize(caller, session);
    else await this.#search(caller, session);
  }

  /** Deletes and restores a user and their sessions, appends to them, and adds others. */
  async #keep(caller: Caller, user: ExpectedUser): Promise<void> {
    const { random } = caller;
    const { user_id } = user;
    while (!this.#stopped) {
      const session = random.pick(user.sessions);
      const dice = random.next();
      if (dice < 0.5) await this.#toggleUser(caller, user);
      else if (user.deleted) await this.#refuse(caller, user, session);
      else if (dice < 0.7) await this.add(caller, session, random.between(1, 3), true);
      else if (dice < 0.85) await this.#toggle(caller, session);
      else if (dice < 0.95) {
        if (!session.deleted) await this.#changeLive(caller, session);
      } else {
        const another = new ExpectedSession(`${user_id}'s ${this.#number}.${++this.#said}`);
        another.mayBeMissing = true;
        user.sessions.push(another);
        const args = { session_id: another.session_id, user_id };
        await caller.call('add_session', args, [], ['ALREADY_EXISTS']);
        another.mayBeMissing = false;
      }
    }
  }

  async #toggleUser(caller: Caller, user: ExpectedUser): Promise<void> {
    const { user_id, deleted } = user;
    const tool = deleted ? 'restore_user' : 'delete_user';
    user.unsure = true;
    const { answer } = await caller.call(tool, { user_id });
    user.unsure = false;
    user.deleted = !deleted;
    if (deleted) return;
    const live = user.sessions.filter((session) => !session.deleted).length;
    expect([user_id, answer.content.deleted_session_count]).toEqual([user_id, live]);
  }

  /** A session of a deleted user accepts no message and cannot be restored by itself. */
  async #refuse(
    caller: Caller,
    user: ExpectedUser,
    { session_id }: ExpectedSession,
  ): Promise<void> {
    const messages = messagesOf(['to nobody'], undefined);
    const calls: [string, Record<string, unknown>][] = [
      ['add_memory', { session_id, messages }],
      ['restore_session', { session_id }],
      ['get_memory', { session_id }],
      ['add_session', { session_id: `${session_id} too`, user_id: user.user_id }],
    ];
    const [tool, args] = caller.random.pick(calls);
    const { answer } = await caller.call(tool, args, ['NOT_FOUND']);
    expect([tool, args, answer.isError]).toEqual([tool, args, true]);
  }

  async #toggle(caller: Caller, session: ExpectedSession): Promise<void> {
    const { session_id, deleted } = session;
    session.unsure = true;
    const tool = deleted ? 'restore_session' : 'delete_session';
    const { attempts } = await caller.call(tool, { session_id });
    session.unsure = false;
    if (deleted) session.restore(attempts);
    else session.deleted = true;
  }

  async #contend(caller: Caller): Promise<void> {
    const { random } = caller;
    const session_id = this.#contested;
    const tool = random.pick(['delete_session', 'restore_session', 'add_memory', 'add_memory']);
    if (tool !== 'add_memory') {
      await caller.call(tool, { session_id }, ['NOT_FOUND']);
      return;
    }
    const contents = Array.from({ length: random.between(1, 4) }, () => this.#sayNew());
    const uuids = contents.map(() => randomUUID());
    await caller.call(tool, { session_id, messages: messagesOf(contents, uuids) });
  }

  /** Repeats a call that has uuids with other contents. */
  async #revise(caller: Caller, { session_id, calls }: ExpectedSession): Promise<void> {
    const known = calls.filter(({ answered, uuids }) => answered !== undefined && uuids);
    if (known.length === 0) return;
    const call = caller.random.pick(known);
    call.revised = call.contents.map(() => this.#sayNew());
    const messages = messagesOf(call.revised, call.uuids);
    const { answer } = await caller.call('add_memory', { session_id, messages });
    const seqs = answer.content.messages.map(({ seq }: { seq: number }) => seq);
    expect(seqs).toEqual(call.answered?.map(({ seq }) => seq));
    call.contents = call.revised;
    call.revised = undefined;
  }

  async #merge(caller: Caller, { session_id, extras }: ExpectedSession): Promise<void> {
    const key = this.#sayNew();
    await extras.track(key, async () => {
      const args = { session_id, metadata: { [key]: this.#number } };
      // No caller may have written to it yet.
      const { answer } = await caller.call('update_session_metadata', args, ['NOT_FOUND']);
      if (!answer.isError) extras.metadata.set(key, this.#number);
    });
  }

  async #summarize(caller: Caller, { session_id, calls, extras }: ExpectedSession): Promise<void> {
    const last = calls.at(-1)?.answered?.at(-1);
    if (last === undefined) return;
    const content = this.#sayNew();
    await extras.track(content, async () => {
      await caller.call('set_summary', { session_id, content, up_to_seq: last.seq });
      extras.summary = content;
    });
  }

  /** Search finds acknowledged messages, whether they are indexed or not. */
  async #search(caller: Caller, { session_id, calls }: ExpectedSession): Promise<void> {
    const known = calls.filter(({ answered }) => answered !== undefined);
    if (known.length === 0) return;
    const { contents, answered } = caller.random.pick(known);
    const { answer } = await caller.call('search_memory', { session_id, query: contents[0] });
    const uuids = answer.content.hits.map(
      ({ message }: { message: { uuid: string } }) => message.uuid,
    );
    expect(uuids, `${contents[0]} in ${session_id}`).toContain(answered?.[0]?.uuid);
  }

  /** Adds a session whose undo deadline is over soon. */
  async #doom(caller: Caller): Promise<void> {
    const { expire } = this.#incident;
    if (expire === undefined) return;
    const session_id = `doomed ${this.#number}.${++this.#said}`;
    const contents = Array.from({ length: anyCount(caller.random) }, () => this.#sayNew());
    await caller.call('add_memory', { session_id, messages: messagesOf(contents, undefined) });
    await caller.call('delete_session', { session_id });
    await expire(session_id);
  }

  #sayNew(): string {
    return `said${this.#number}x${++this.#said}`;
  }
}

const messagesOf = (contents: readonly string[], uuids: readonly string[] | undefined) =>
  contents.map((content, i) => ({
    role: 'user',
    content,
    ...(uuids !== undefined && { uuid: uuids[i] }),
  }));

const anyCount = (random: Random) =>
  random.chance(LARGE) ? random.between(50, 100) : random.between(1, 6);

function unlessGaveUp(error: unknown): void {
  if (!(error instanceof GaveUp)) throw error;
}
