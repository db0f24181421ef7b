import { DomainError, invalidArgument, quoted } from '../domain/errors.ts';
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
import {
  CONTENT_SHOWN_BYTES,
  METADATA_SHOWN_BYTES,
  truncateContent,
  truncateMetadata,
} from '../mcp/answer/truncate.ts';
import type { FoundMessage, MessageRange, Store } from '../store/port.ts';
import { createAppend } from './append.ts';
import {
  type Caller,
  type Dependencies,
  PAGE_MAX_BYTES,
  sessionChangeEvent,
} from './dependencies.ts';
import { describeAbsence } from './not-found.ts';
import { type SummaryBacklog, summaryBacklog, WINDOW_DEFAULT } from './summary-backlog.ts';

export interface Memory {
  session: Session;
  summary?: Summary;
  /** In order, the newest last. */
  messages: Message[];
  /** How many messages of the session lie before those returned. */
  older_message_count: number;
  /** How many of those asked for were left out to stay within a limit. */
  omitted_message_count: number;
  unsummarized?: SummaryBacklog;
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

/** The rules for messages and summaries (design §3 to §5). Every method throws `DomainError`. */
export function createMemoryService(deps: Dependencies) {
  const now = () => timestamp(deps.now());
  const absence = describeAbsence(deps);

  /** A live session with a stretch of its messages. */
  async function read(caller: Caller, store: Store, sessionId: string, stretch: MessageRange) {
    const limit = Math.min(stretch.limit, MESSAGES_MAX);
    const unsummarized = Math.min(stretch.unsummarized ?? 0, MESSAGES_MAX);
    const some = { ...stretch, limit, unsummarized };
    const found = await store.messages.read(caller, sessionId, some);
    if (found === undefined || found.conversation.session.deleted_at !== undefined) {
      throw await absence.session(caller, store, sessionId, found?.conversation.session);
    }
    return found;
  }

  /** The message that was found, or the error that says why there is none. */
  async function present(
    caller: Caller,
    store: Store,
    sessionId: string,
    uuid: string,
    { session, message }: FoundMessage,
  ): Promise<Message> {
    if (session === undefined || session.deleted_at !== undefined) {
      throw await absence.session(caller, store, sessionId, session);
    }
    if (message !== undefined) return message;
    throw new DomainError(
      'NOT_FOUND',
      `There is no message ${quoted(uuid)} in session ${quoted(sessionId)}. list_messages shows the uuids that there are.`,
    );
  }

  return {
    add: createAppend(deps),

    /**
     * What an agent needs to go on: the newest summary and the messages behind it, at least the last
     * `last_n` and at most twice as many, as far as they fit.
     *
     * @param options.max_tokens how many estimated tokens the messages may take together
     */
    async get(
      caller: Caller,
      sessionId: string,
      options: { last_n?: number | undefined; max_tokens?: number | undefined } = {},
    ): Promise<Memory> {
      const store = await deps.store();
      const window = options.last_n ?? WINDOW_DEFAULT;
      const stretch: MessageRange = {
        order: 'desc',
        limit: window,
        unsummarized: 2 * window,
        enough: ENOUGH,
        metadataMaxBytes: METADATA_SHOWN_BYTES,
      };
      const { conversation, messages } = await read(caller, store, sessionId, stretch);
      const { session, summary, first_seq } = conversation;
      const wanted = rangeLimit(conversation, stretch);
      const room = PAGE_MAX_BYTES - jsonBytes([truncateMetadata(session), summary ?? null]);
      const kept = withinBudget(messages, room, options.max_tokens);
      const oldest = kept.at(-1);
      return {
        session,
        ...(summary !== undefined && { summary }),
        messages: kept.toReversed(),
        older_message_count: oldest === undefined ? session.message_count : oldest.seq - first_seq,
        omitted_message_count: Math.min(wanted, session.message_count) - kept.length,
        ...summaryBacklog(conversation, window),
      };
    },

    /** One page of a session's messages, from its beginning or from its end. */
    async list(caller: Caller, sessionId: string, list: MessageList): Promise<MessagePage> {
      const store = await deps.store();
      const { namespace, user_id } = caller;
      const { order, from_seq, content_offset } = list;
      const query = ['messages', namespace, user_id, sessionId, order, from_seq, content_offset];
      const window = toPageRequest(list, query);
      const start = from_seq && (order === 'asc' ? from_seq - 1 : from_seq + 1);
      const { conversation, messages } = await read(caller, store, sessionId, {
        order,
        limit: window.limit,
        enough: ENOUGH,
        metadataMaxBytes: METADATA_SHOWN_BYTES,
        after: 'after' in window ? (window.after?.value ?? start) : start,
        offset: 'offset' in window ? window.offset : undefined,
      });
      const fitted = messages.map((message) => truncateContent(message, content_offset));
      const { page } = cutPage(fitted, window.limit, PAGE_MAX_BYTES);
      const last = page.at(-1);
      const end = order === 'asc' ? conversation.last_seq : conversation.first_seq;
      return {
        messages: page,
        ...(last !== undefined &&
          last.seq !== end && {
            next_cursor: encodeCursor({ value: last.seq, key: last.uuid }, query),
          }),
        ...(list.include_total === true && { total_count: conversation.session.message_count }),
      };
    },

    /** One message, whole. */
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
      deps.onChange(caller.namespace, sessionChangeEvent(merged.session as Session, false));
      return message;
    },

    /**
     * Stores a summary of a session's messages up to one of them; those before it are kept.
     *
     * @throws DomainError INVALID_ARGUMENT when it does not reach to a live message, or less far than
     *   the newest summary
     */
    async summarize(
      caller: Caller,
      sessionId: string,
      input: { content: string; up_to_seq: number },
    ): Promise<{ session: Session; summary: Summary }> {
      const store = await deps.store();
      const summary = { ...input, created_at: now() };
      const uuid = deps.newUuid();
      const outcome = await store.messages.summarize(caller, sessionId, uuid, summary);
      if (outcome.applied) {
        deps.onChange(caller.namespace, sessionChangeEvent(outcome.record.session, false));
        return { session: outcome.record.session, summary };
      }
      const { found } = outcome;
      if (found === undefined || found.session.deleted_at !== undefined) {
        throw await absence.session(caller, store, sessionId, found?.session);
      }
      const from = found.summary?.up_to_seq ?? found.first_seq;
      throw invalidArgument(
        found.session.message_count === 0
          ? 'up_to_seq: the session has no messages to summarize. Add some with add_memory first.'
          : `up_to_seq is ${input.up_to_seq}, and allowed is ${from} to ${found.last_seq}: from what is summarized already to the last message.`,
      );
    },
  };
}

/** Messages, newest first, as answers show them, up to the first that does not fit any more. */
function withinBudget(
  messages: readonly Message[],
  maxBytes: number,
  maxTokens = Number.POSITIVE_INFINITY,
) {
  let tokens = 0;
  const affordable = messages.findIndex((message) => {
    tokens += message.token_count;
    return tokens > maxTokens;
  });
  const within = affordable === -1 ? messages : messages.slice(0, affordable);
  const fitted = within.map((message) => truncateContent(message));
  return cutPage(fitted, fitted.length, maxBytes).page;
}

/** More do not fit into an answer: without its content, a message takes some 200 bytes of JSON. */
const MESSAGES_MAX = Math.ceil(PAGE_MAX_BYTES / 200);

/** What fills an answer, counted as it will be shown. */
const ENOUGH = { total: PAGE_MAX_BYTES, each: CONTENT_SHOWN_BYTES };
