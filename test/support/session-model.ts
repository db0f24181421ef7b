import type { AddedMessage, AddResult } from '../../src/services/append.ts';

interface Message {
  seq: number;
  content: string;
  /** `undefined` after the message has given up its uuid, until it is read again. */
  uuid: string | undefined;
}

interface State {
  deletedAt: number | undefined;
  /** The messages with these numbers are live while the session is live. */
  first: number;
  last: number;
  /** All stored messages, in order. */
  messages: Message[];
  summaries: { content: string; upTo: number }[];
  /** The messages that stayed deleted at a revival, the oldest first. */
  retired: { first: number; last: number; deletedAt: number }[];
  /** The uuid of the first message of the call that revived it. */
  revivedBy: string | undefined;
}

/** The specified behaviour of a session (docs/architecture.md), in memory and in the simplest way. */
export class SessionModel {
  #state: State | undefined;

  /** The live messages in order; `undefined` where there is no live session. */
  live(): readonly Message[] | undefined {
    const state = this.#state;
    if (state === undefined || state.deletedAt !== undefined) return undefined;
    return state.messages.filter(({ seq }) => seq >= state.first);
  }

  /** The number of stored messages, readable or not. */
  stored(): number {
    return this.#state?.messages.length ?? 0;
  }

  summary(): string | undefined {
    const { first = 1, summaries = [] } = this.#state ?? {};
    return summaries.filter(({ upTo }) => upTo >= first).at(-1)?.content;
  }

  /**
   * A live message was read.
   *
   * @throws Error if its uuid has changed, or names another message as well
   */
  see(seq: number, uuid: string): void {
    const { messages } = this.#state as State;
    const message = messages.find((one) => one.seq === seq) as Message;
    message.uuid ??= uuid;
    if (message.uuid !== uuid) throw new Error(`message ${seq} has changed its uuid`);
    const same = messages.filter((one) => one.uuid === uuid);
    if (same.length > 1) throw new Error(`${same.length} messages have one uuid`);
  }

  /**
   * @param answered the answer of the call, for the uuids that the server chose
   * @param past records deleted by then count as purged
   * @returns where the messages are, and if the call revived the session, how many stay deleted, and
   *   when the oldest of these were
   */
  add(added: readonly AddedMessage[], answered: AddResult['messages'], past: number) {
    this.#state ??= {
      ...{ deletedAt: undefined, first: 1, last: 0, revivedBy: undefined },
      ...{ messages: [], summaries: [], retired: [] },
    };
    const state = this.#state;
    const named = answered[0]?.uuid;
    if (state.deletedAt !== undefined) this.#revive(state, state.deletedAt, named);
    const places = added.map(({ uuid, content }, i) => {
      const old = state.messages.find((one) => uuid !== undefined && one.uuid === uuid);
      if (old !== undefined && old.seq >= state.first) {
        old.content = content;
        return [old.seq, 'updated'];
      }
      if (old !== undefined) old.uuid = undefined;
      const seq = ++state.last;
      state.messages.push({ seq, content, uuid: answered[i]?.uuid });
      return [seq, 'created'];
    });
    if (state.revivedBy !== named) return { places };
    const there = state.retired.filter(({ deletedAt }) => deletedAt > past);
    const retired = there.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    return { places, retired, retiredAt: there[0]?.deletedAt };
  }

  /** @returns the number of messages deleted with it; `undefined` if there is no session */
  delete(now: number): number | undefined {
    const state = this.#state;
    if (state === undefined) return undefined;
    state.deletedAt ??= now;
    return state.last - state.first + 1;
  }

  /** @returns the number of restored messages; `undefined` if there is no session */
  restore(): number | undefined {
    const state = this.#state;
    if (state === undefined) return undefined;
    const { first, last, retired } = state;
    if (state.deletedAt !== undefined) {
      state.deletedAt = undefined;
      return last - first + 1;
    }
    if (retired[0] === undefined) return 0;
    state.first = retired[0].first;
    state.retired = [];
    state.revivedBy = undefined;
    return first - state.first;
  }

  summarize(content: string, upTo: number): void {
    this.#state?.summaries.push({ content, upTo });
  }

  /** @param cutoff records deleted by then are purged */
  purge(cutoff: number): void {
    const state = this.#state;
    if (state === undefined) return;
    if (state.deletedAt !== undefined && state.deletedAt <= cutoff) {
      this.#state = undefined;
      return;
    }
    state.retired = state.retired.filter(({ deletedAt }) => deletedAt > cutoff);
    const kept = state.retired[0]?.first ?? state.first;
    state.messages = state.messages.filter(({ seq }) => seq >= kept);
    state.summaries = state.summaries.filter(({ upTo }) => upTo >= kept);
  }

  #revive(state: State, deleted: number, named: string | undefined): void {
    const { first, last, retired } = state;
    const deletedAt = Math.max(deleted, retired.at(-1)?.deletedAt ?? 0);
    if (last >= first) retired.push({ first, last, deletedAt });
    state.first = last + 1;
    state.deletedAt = undefined;
    state.revivedBy = named;
  }
}
