import { type JsonObject, jsonBytes } from '../domain/metadata.ts';
import {
  cutPage,
  encodeCursor,
  type PageArguments,
  rangeLimit,
  toPageRequest,
} from '../domain/pagination.ts';
import type { Message, Session, Summary } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type { FoundMessage, MessageRange } from '../store/message-port.ts';
import type { Store } from '../store/port.ts';
import {
  BYTES_PER_TOKEN,
  createAppend,
  type SummaryBacklog,
  summaryBacklog,
  WINDOW_DEFAULT,
} from './append.ts';
import type { Caller } from './caller.ts';
import { affordableContext, withinBudget } from './context/budget.ts';
import { createContext, type SessionContext } from './context/index.ts';
import { createMessageDeletion } from './delete-messages.ts';
import type { Dependencies } from './dependencies.ts';
import { ServiceError } from './errors.ts';
import { deletionOf, sessionNotFound } from './not-found.ts';

export interface Memory {
  session: Session;
  summary?: Summary;
  /** In the order of `seq`, the newest last. */
  messages: Message[];
  /** The number of messages of the session before those returned. */
  older_message_count: number;
  /** The number of requested messages that were left out because they did not fit. */
  omitted_message_count: number;
  /** Present if a summary is due. */
  summaryBacklog?: SummaryBacklog;
  /** What the user's other sessions have to do with the last messages; absent if it was not asked for. */
  context?: SessionContext;
}

/** What a caller wants of a memory. */
export interface MemoryOptions {
  /** How many of the last messages. */
  last_n?: number | undefined;
  /** The most estimated tokens of the session, the summary and all messages together, as they are sent. */
  max_tokens?: number | undefined;
  /**
   * The most estimated tokens of the context; 0 for none. By default, 1,000 and what the messages leave of
   * `max_tokens`.
   */
  context_tokens?: number | undefined;
}

export interface MessageList extends PageArguments {
  order: 'asc' | 'desc';
  from_seq?: number | undefined;
  content_offset?: number | undefined;
  include_total?: boolean | undefined;
}

export interface MessagePage {
  messages: Message[];
  next_cursor?: string;
  total_count?: number;
}

export type MemoryService = ReturnType<typeof createMemoryService>;

/** The rules for messages and summaries: docs/architecture.md. Every method throws `DomainError`. */
export function createMemoryService(deps: Dependencies) {
  const now = () => timestamp(deps.now());
  const { answer } = deps;
  const readContext = createContext(deps);

  /**
   * The most messages that fit into an answer: without its content, a message takes some 200 bytes
   * of JSON.
   */
  const messagesMax = Math.ceil(answer.pageMaxBytes / 200);

  /** Collects messages up to the size of an answer, each counted as it will be shown. */
  const enough = { total: answer.pageMaxBytes, each: answer.contentMaxBytes };

  /** A live session with a range of its messages. */
  async function read(caller: Caller, store: Store, sessionId: string, range: MessageRange) {
    const limit = Math.min(range.limit, messagesMax);
    const unsummarized = Math.min(range.unsummarized ?? 0, messagesMax);
    const some = { ...range, limit, unsummarized };
    const found = await store.messages.read(caller, sessionId, some);
    if (found === undefined || found.conversation.session.deleted_at !== undefined) {
      throw await sessionNotFound(deps, caller, store, sessionId, found?.conversation.session);
    }
    return found;
  }

  /** The message that was found, or the error that says why there is none. */
  async function present(
    caller: Caller,
    store: Store,
    sessionId: string,
    uuid: string,
    { session, message, deleted_at }: FoundMessage,
  ): Promise<Message> {
    if (session === undefined || session.deleted_at !== undefined) {
      throw await sessionNotFound(deps, caller, store, sessionId, session);
    }
    if (message !== undefined) return message;
    const deletion = deletionOf(deps, { deleted_at });
    throw new ServiceError({ kind: 'message_not_found', session_id: sessionId, uuid, deletion });
  }

  function announce({ namespace }: Caller, { session_id, user_id: owner }: Session): void {
    deps.onChange(namespace, { session_id, owner, listed: false });
  }

  return {
    add: createAppend(deps),

    ...createMessageDeletion(deps),

    /**
     * The newest summary and the messages after it: at least the last `last_n` and at most twice as
     * many, as far as they fit into the answer.
     * With a context, if the session has a user: what is relevant of their other sessions.
     */
    async get(caller: Caller, sessionId: string, options: MemoryOptions = {}): Promise<Memory> {
      const store = await deps.store();
      const window = options.last_n ?? WINDOW_DEFAULT;
      const range: MessageRange = {
        order: 'desc',
        limit: window,
        unsummarized: 2 * window,
        enough,
        metadataMaxBytes: answer.metadataMaxBytes,
      };
      const { conversation, messages } = await read(caller, store, sessionId, range);
      const { session, summary } = conversation;
      const wanted = rangeLimit(conversation, range);
      const head = jsonBytes([answer.record(session), summary ?? null]);
      const rest = answer.pageMaxBytes - head;
      const affordable = (options.max_tokens ?? Number.POSITIVE_INFINITY) * BYTES_PER_TOKEN - head;
      const kept = withinBudget(answer, messages, rest, affordable);
      const { context_tokens = affordableContext(answer, kept, affordable) } = options;
      const context = await readContext(caller, store, session, messages, context_tokens);
      return {
        session,
        ...(summary !== undefined && { summary }),
        messages: kept.toReversed(),
        older_message_count: session.message_count - kept.length,
        omitted_message_count: Math.min(wanted, session.message_count) - kept.length,
        ...summaryBacklog(conversation, window),
        ...(context !== undefined && { context }),
      };
    },

    /** One page of a session's messages, from its beginning or from its end. */
    async list(caller: Caller, sessionId: string, list: MessageList): Promise<MessagePage> {
      const store = await deps.store();
      const { namespace, user_id } = caller;
      const { order, from_seq, content_offset } = list;
      const query = ['messages', namespace, user_id, sessionId, order, from_seq, content_offset];
      const page = toPageRequest(list, query);
      const start = from_seq && (order === 'asc' ? from_seq - 1 : from_seq + 1);
      const { conversation, messages } = await read(caller, store, sessionId, {
        order,
        limit: page.limit,
        enough,
        metadataMaxBytes: answer.metadataMaxBytes,
        after: 'after' in page ? (page.after?.value ?? start) : start,
        offset: 'offset' in page ? page.offset : undefined,
      });
      const shown = messages.map((message) => answer.message(message, content_offset));
      const { page: kept } = cutPage(shown, page.limit, answer.pageMaxBytes);
      const last = kept.at(-1);
      const end = order === 'asc' ? conversation.last_seq : conversation.first_seq;
      return {
        messages: kept,
        ...(last !== undefined &&
          last.seq !== end && {
            next_cursor: encodeCursor({ value: last.seq, key: last.uuid }, query),
          }),
        ...(list.include_total === true && { total_count: conversation.session.message_count }),
      };
    },

    /** One message with its full content. */
    async getMessage(caller: Caller, sessionId: string, uuid: string): Promise<Message> {
      const store = await deps.store();
      const found = await store.messages.find(caller, sessionId, uuid);
      return present(caller, store, sessionId, uuid, found);
    },

    async updateMetadata(
      caller: Caller,
      sessionId: string,
      uuid: string,
      patch: JsonObject,
    ): Promise<Message> {
      const store = await deps.store();
      const merged = await store.messages.merge(caller, sessionId, uuid, patch, now());
      const message = await present(caller, store, sessionId, uuid, merged);
      announce(caller, merged.session as Session);
      return message;
    },

    /**
     * Stores a summary of a session's messages up to one of them. Earlier summaries are kept.
     *
     * @param input.created_at when it was written elsewhere; no front end offers this
     * @throws ServiceError INVALID_ARGUMENT when its last message is not live, or precedes the end
     *   of the newest summary
     */
    async summarize(
      caller: Caller,
      sessionId: string,
      input: { content: string; up_to_seq: number; created_at?: string | undefined },
    ): Promise<{ session: Session; summary: Summary }> {
      const store = await deps.store();
      const summary = { ...input, created_at: input.created_at ?? now() };
      const uuid = deps.newUuid();
      const outcome = await store.messages.summarize(caller, sessionId, uuid, summary);
      if (outcome.applied) {
        announce(caller, outcome.record.session);
        return { session: outcome.record.session, summary };
      }
      const { found } = outcome;
      if (found === undefined || found.session.deleted_at !== undefined) {
        throw await sessionNotFound(deps, caller, store, sessionId, found?.session);
      }
      if (found.session.message_count === 0) {
        throw new ServiceError({ kind: 'nothing_to_summarize' });
      }
      throw new ServiceError({
        kind: 'summary_out_of_range',
        up_to_seq: input.up_to_seq,
        min_seq: found.summary?.up_to_seq ?? found.first_seq,
        max_seq: found.last_seq,
      });
    },
  };
}
