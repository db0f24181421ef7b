import { DomainError, type ErrorCode } from '../domain/errors.ts';

/**
 * The time of a soft deletion and its undo deadline, which is absent if records are kept for ever.
 */
export interface DeletionFact {
  deleted_at: string;
  purge_at?: string | undefined;
}

export interface SessionDeletionFact extends DeletionFact {
  /** The user of the session, if that is deleted. */
  deletedOwner?: { user_id: string; deleted_at: string } | undefined;
}

/** Why a service refused a call. */
export type Fact =
  | { kind: 'session_not_found'; session_id: string; deletion?: SessionDeletionFact | undefined }
  | { kind: 'session_exists'; session_id: string; deletion?: SessionDeletionFact | undefined }
  /** `user_id` is the user that the session has. */
  | { kind: 'session_has_user'; session_id: string; user_id: string }
  | { kind: 'session_forbidden'; session_id: string; prefix: string }
  | { kind: 'user_not_found'; user_id: string; deletion?: DeletionFact | undefined }
  | { kind: 'user_exists'; user_id: string; deletion?: DeletionFact | undefined }
  | { kind: 'users_forbidden' }
  | {
      kind: 'message_not_found';
      session_id: string;
      uuid: string;
      /** Its deletion, if it was deleted individually. */
      deletion?: DeletionFact | undefined;
    }
  | { kind: 'messages_not_found'; session_id: string; uuids: readonly string[] }
  /** `deletion` if there is one fact, and it is deleted. */
  | { kind: 'facts_not_found'; uuids: readonly string[]; deletion?: DeletionFact }
  | { kind: 'entity_not_found'; name: string; deletion?: DeletionFact & { uuid: string } }
  /** Of a fact that would end before it begins; `index` is its place in the call, if that has several. */
  | { kind: 'fact_times_reversed'; index?: number; valid_at: string; invalid_at: string }
  | { kind: 'fact_supersedes_itself'; index: number; uuid: string }
  | { kind: 'too_many_superseded'; count: number; max: number }
  | { kind: 'duplicate_uuids' }
  /** `index` is the place of the message in the call. */
  | { kind: 'message_ahead'; index: number; created_at: string; now: string }
  | {
      kind: 'append_outcome_unknown';
      code: ErrorCode;
      /** The error of the store. */
      problem: string;
      uuids: readonly string[];
    }
  | { kind: 'nothing_to_summarize' }
  | { kind: 'summary_out_of_range'; up_to_seq: number; min_seq: number; max_seq: number }
  | { kind: 'filtered_list_is_not_counted' }
  | { kind: 'search_in_session_and_user' }
  | { kind: 'search_since_after_until' }
  | { kind: 'search_cannot_continue' }
  | { kind: 'long_reads_queue_timeout'; waited_ms: number };

/** The reasons of one kind. */
export type FactOf<Kind extends Fact['kind']> = Extract<Fact, { kind: Kind }>;

const CODES: Record<Exclude<Fact['kind'], 'append_outcome_unknown'>, ErrorCode> = {
  session_not_found: 'NOT_FOUND',
  session_exists: 'ALREADY_EXISTS',
  session_has_user: 'ALREADY_EXISTS',
  session_forbidden: 'PERMISSION_DENIED',
  user_not_found: 'NOT_FOUND',
  user_exists: 'ALREADY_EXISTS',
  users_forbidden: 'PERMISSION_DENIED',
  message_not_found: 'NOT_FOUND',
  messages_not_found: 'NOT_FOUND',
  facts_not_found: 'NOT_FOUND',
  entity_not_found: 'NOT_FOUND',
  fact_times_reversed: 'INVALID_ARGUMENT',
  fact_supersedes_itself: 'INVALID_ARGUMENT',
  too_many_superseded: 'INVALID_ARGUMENT',
  duplicate_uuids: 'INVALID_ARGUMENT',
  message_ahead: 'INVALID_ARGUMENT',
  nothing_to_summarize: 'INVALID_ARGUMENT',
  summary_out_of_range: 'INVALID_ARGUMENT',
  filtered_list_is_not_counted: 'INVALID_ARGUMENT',
  search_in_session_and_user: 'INVALID_ARGUMENT',
  search_since_after_until: 'INVALID_ARGUMENT',
  search_cannot_continue: 'UNAVAILABLE',
  long_reads_queue_timeout: 'RESOURCE_EXHAUSTED',
};

/**
 * A service refused a call. The error carries facts; the front end words them, because only it
 * knows what its callers can do next.
 */
export class ServiceError extends DomainError {
  readonly fact: Fact;

  constructor(fact: Fact, options: ConstructorParameters<typeof DomainError>[2] = {}) {
    const code = fact.kind === 'append_outcome_unknown' ? fact.code : CODES[fact.kind];
    super(code, fact.kind.replaceAll('_', ' '), options);
    this.name = 'ServiceError';
    this.fact = fact;
  }
}

/** Whether a service refused a call for a reason of one of these kinds. */
export const isRefusal = <Kind extends Fact['kind']>(
  error: unknown,
  ...kinds: readonly Kind[]
): error is ServiceError & { fact: FactOf<Kind> } =>
  error instanceof ServiceError && kinds.some((kind) => error.fact.kind === kind);
