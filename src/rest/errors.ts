import { DomainError, type ErrorCode, quoted } from '../domain/errors.ts';
import type { CallOutcome } from '../services/calls/call-observer.ts';
import type { ErrorView } from '../services/calls/run-call.ts';
import { CallCancelled } from '../services/calls/time-limit.ts';
import { type DeletionFact, type Fact, ServiceError } from '../services/errors.ts';

/** An error that a request is answered with. */
export class RestError extends Error {
  readonly status: number;
  readonly code: ErrorCode;
  /** Additional headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  /** @param status if it is not the usual one of the code */
  constructor(
    code: ErrorCode,
    message: string,
    status = STATUSES[code],
    headers: RestError['headers'] = {},
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.headers = headers;
  }
}

/**
 * The clients repeat a request that is answered with 408, 409, 429 or 5xx. Errors that stay the same have
 * none of these.
 */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 400,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

const FAILED = "The server failed in a way it did not expect. The server's log says more.";

/** What a request is answered with, and what the log sees, when an error ended it. */
export const REST_ERRORS: ErrorView = {
  outcomeOf(error: unknown): CallOutcome {
    if (error instanceof CallCancelled) return 'CANCELLED';
    return error instanceof DomainError || error instanceof RestError ? error.code : 'INTERNAL';
  },

  toCallerError(error: unknown) {
    if (error instanceof RestError) return { answer: error, cause: undefined };
    if (error instanceof ServiceError) {
      return { answer: new RestError(error.code, refusalText(error.fact)), cause: error.cause };
    }
    if (error instanceof DomainError) {
      return { answer: new RestError(error.code, error.message), cause: error.cause };
    }
    const cause = error instanceof CallCancelled ? undefined : error;
    return { answer: new RestError('INTERNAL', FAILED), cause };
  },
};

/** What is wrong, and what to do next, for the person who reads the log of a client program. */
export function refusalText(fact: Fact): string {
  switch (fact.kind) {
    case 'session_not_found':
      return fact.deletion === undefined
        ? `There is no session ${quoted(fact.session_id)}. Add it, or add memory to it, first.`
        : `Session ${quoted(fact.session_id)} ${deletedText(fact.deletion)} ${
            fact.deletion.deletedOwner === undefined
              ? 'Adding memory to it begins it anew.'
              : `Its user ${quoted(fact.deletion.deletedOwner.user_id)} is deleted.`
          }`;
    case 'session_exists':
      return fact.deletion === undefined
        ? `Session ${quoted(fact.session_id)} exists already. Update it, or choose another session_id.`
        : `Session ${quoted(fact.session_id)} exists: it ${deletedText(fact.deletion)} Choose another session_id.`;
    case 'session_has_user':
      return `Session ${quoted(fact.session_id)} belongs to user ${quoted(fact.user_id)}, and a session never changes its user.`;
    case 'session_forbidden':
      return `Session ${quoted(fact.session_id)} is not yours. Choose a session_id that begins with ${quoted(fact.prefix)}.`;
    case 'user_not_found':
      return fact.deletion === undefined
        ? `user not found: there is no user ${quoted(fact.user_id)}. Add the user first.`
        : `user not found: user ${quoted(fact.user_id)} ${deletedText(fact.deletion)}`;
    case 'user_exists':
      return fact.deletion === undefined
        ? `User ${quoted(fact.user_id)} exists already. Update it, or choose another user_id.`
        : `User ${quoted(fact.user_id)} exists: it ${deletedText(fact.deletion)} Choose another user_id.`;
    case 'users_forbidden':
      return 'This credential is for the records of one user. Ask whoever runs the server for another one.';
    case 'message_not_found':
      return `There is no message ${quoted(fact.uuid)} in session ${quoted(fact.session_id)}.`;
    case 'messages_not_found':
      return `There are no such messages in session ${quoted(fact.session_id)}.`;
    case 'facts_not_found':
      return `There are no such facts: ${fact.uuids.slice(0, 20).join(', ')}.`;
    case 'entity_not_found':
      return `There is no entity ${quoted(fact.name)}.`;
    case 'fact_times_reversed':
      return `invalid_at: ${fact.invalid_at} is earlier than valid_at, ${fact.valid_at}. Exchange or correct them.`;
    case 'fact_supersedes_itself':
      return `The fact ${fact.uuid} cannot supersede itself.`;
    case 'too_many_superseded':
      return `The facts supersede ${fact.count} others in all, and at most ${fact.max} are allowed in one request.`;
    case 'duplicate_uuids':
      return 'messages: two of them have the same uuid. Give each its own.';
    case 'message_ahead':
      return `messages.${fact.index}.created_at: ${fact.created_at} is in the future: it is ${fact.now} now.`;
    case 'append_outcome_unknown':
      return `${fact.problem} Whether the messages were stored is not known. Repeat the request as it is within some seconds: they are not stored twice.`;
    case 'nothing_to_summarize':
      return 'summary: the session has no messages to summarize.';
    case 'summary_out_of_range':
      return 'summary: a newer summary was stored meanwhile. Read the memory again.';
    case 'filtered_list_is_not_counted':
      return 'A filtered list is not counted.';
    case 'search_in_session_and_user':
      return 'Give sessions or a user to search in, not both.';
    case 'search_since_after_until':
      return 'metadata: start_date is later than end_date. Exchange them.';
    case 'search_cannot_continue':
      return 'The embeddings endpoint does not answer. Repeat the request shortly.';
    case 'long_reads_queue_timeout':
      return `Too many searches and long lists of yours are under way: this one has waited for ${fact.waited_ms / 1000} s and was not begun. Ask for fewer at once, then repeat the request.`;
  }
}

function deletedText({ deleted_at, purge_at }: DeletionFact): string {
  return purge_at === undefined
    ? `was deleted at ${deleted_at} and is kept until it is restored.`
    : `was deleted at ${deleted_at} and is kept until ${purge_at}.`;
}
