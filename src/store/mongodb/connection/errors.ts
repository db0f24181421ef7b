import {
  MongoBulkWriteError,
  MongoClientBulkWriteError,
  MongoCompatibilityError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb';
import { DomainError, REPEAT } from '../../../domain/errors.ts';
import {
  ATLAS_ERROR,
  CONTENDED_CODES,
  CREDENTIALS_CODES,
  DUPLICATE_KEY,
  MAX_TIME_EXPIRED,
  OUT_OF_DISK_SPACE,
  TRANSIENT_CODES,
  TRANSIENT_LABELS,
  UNAUTHORIZED,
  UNSUPPORTED_CODES,
} from './error-codes.ts';

/**
 * Node's errors of a broken socket. The driver passes some of them on unwrapped, above all EPIPE: "This
 * socket has been ended by the other party".
 */
const SOCKET_CODES = new Set([
  'EPIPE',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  // Of name resolution, for a mongodb+srv:// address.
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEOUT',
  'ESERVFAIL',
  'EREFUSED',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/** Whether the same operation may succeed shortly. It may have taken effect all the same. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof MongoError)) {
    return SOCKET_CODES.has(String((error as NodeJS.ErrnoException | null)?.code));
  }
  return (
    error instanceof MongoNetworkError ||
    // The write was done, but may be rolled back.
    error instanceof MongoWriteConcernError ||
    error instanceof MongoServerSelectionError ||
    ['MongoWaitQueueTimeoutError', 'WaitQueueTimeoutError'].includes(error.name) ||
    ['MongoPoolClosedError', 'MongoTopologyClosedError', 'MongoNotConnectedError'].includes(
      error.name,
    ) ||
    // A connection broke during a bulk write: the driver gives no further reason.
    (error instanceof MongoBulkWriteError &&
      (error.code === undefined || SOCKET_CODES.has(String(error.code)))) ||
    TRANSIENT_CODES.has(Number(error.code)) ||
    TRANSIENT_LABELS.some((label) => error.hasErrorLabel(label))
  );
}

/** Whether the server has refused a command with one of the codes. */
export const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  error instanceof MongoServerError && codes.includes(Number(error.code));

export const isDuplicateKey = (error: unknown): boolean => hasCode(error, DUPLICATE_KEY);

/** Whether the server does not have the command. */
export const isUnsupported = (error: unknown): boolean => hasCode(error, ...UNSUPPORTED_CODES);

/**
 * The reason why a bulk write failed, as the error that a single command would throw: the driver's
 * wrapper has neither its code nor its labels.
 */
export function bulkWriteFailure(error: unknown): unknown {
  if (error instanceof MongoBulkWriteError) {
    const [refused] = error.result.getWriteErrors();
    if (refused !== undefined) {
      return new MongoServerError({ code: refused.code, message: refused.errmsg ?? '' });
    }
    const unsure = error.result.getWriteConcernError();
    return unsure === undefined ? error : uncertain(unsure.code, unsure.errmsg);
  }
  if (!(error instanceof MongoClientBulkWriteError)) return error;
  if (error.cause instanceof MongoError) return error.cause;
  const [refused] = error.writeErrors.values();
  if (refused !== undefined) return new MongoServerError({ ...refused });
  const [unsure] = error.writeConcernErrors;
  if (unsure === undefined) return error;
  return uncertain(unsure.code, unsure.message);
}

const uncertain = (code = 0, errmsg = '') =>
  new MongoWriteConcernError({ ok: 1, writeConcernError: { code, errmsg } });

/**
 * The error of a store that could not be reached in time.
 *
 * @param unfinished the operation, if it still runs
 */
export function unavailable(cause: unknown, unfinished?: Promise<unknown>): DomainError {
  return new DomainError('UNAVAILABLE', `${whyUnavailable(cause)} ${REPEAT}`, {
    ...{ cause, outcomeUnknown: true },
    ...(unfinished && { unfinished }),
  });
}

function whyUnavailable(cause: unknown): string {
  const code = cause instanceof MongoError ? Number(cause.code) : undefined;
  if (code !== undefined && !(cause instanceof MongoWriteConcernError)) {
    if (CONTENDED_CODES.has(code)) return 'Another change of the same record has not finished.';
    if (code === MAX_TIME_EXPIRED) {
      return `Another change of the same record has not finished, or MongoDB is busy; ${UNKNOWN_OUTCOME}`;
    }
  }
  return `MongoDB cannot be reached at the moment; ${UNKNOWN_OUTCOME}`;
}

const UNKNOWN_OUTCOME = 'if this was to change something, it is not known whether it did.';

/** The `DomainError` for a failure of the driver, which becomes its cause, for the log. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (isIncompatible(error)) return tooOld(error);
  if (isTransient(error)) return unavailable(error);
  const known =
    error instanceof MongoError ? whyRefused(Number(error.code), error.message) : undefined;
  // A command may have written some of its documents.
  const outcomeUnknown = known === undefined;
  const message =
    known ?? `The store failed; ${UNKNOWN_OUTCOME} The log of the server says why it failed.`;
  return new DomainError('INTERNAL', message, { cause: error, outcomeUnknown });
}

/** Whether the driver does not speak with the server, because of its version. */
function isIncompatible(error: unknown): boolean {
  if (error instanceof MongoCompatibilityError) return true;
  if (!(error instanceof MongoServerSelectionError)) return false;
  const servers = error.reason?.servers?.values() ?? [];
  return [...servers].some((server) => server.error instanceof MongoCompatibilityError);
}

/** The error of a server that lacks what the store sends. */
export function tooOld(cause?: unknown): DomainError {
  return new DomainError(
    'INTERNAL',
    'The MongoDB server is too old, and nothing was changed. Whoever runs this server has to upgrade it to MongoDB 5.0, or to 6.0 if it is sharded.',
    { cause },
  );
}

/** Why the server refuses commands until somebody does something about it, and what. */
function whyRefused(code: number, message: string): string | undefined {
  const isAtlas = code === ATLAS_ERROR;
  if (code === UNAUTHORIZED) {
    return 'MongoDB does not let the user that this server signs in as do that. Whoever runs the server has to give that user the role readWrite on the database, or start the server with --read-only, for which the role read is enough.';
  }
  if (CREDENTIALS_CODES.has(code) || (isAtlas && /auth/i.test(message))) {
    return 'MongoDB refused the credentials of this server. Whoever runs it has to check MONGODB_URI.';
  }
  if (code === OUT_OF_DISK_SPACE || (isAtlas && /quota|space/i.test(message))) {
    return 'MongoDB has no space left, and nothing was changed. Whoever runs this server has to give the database more space, or delete and purge sessions.';
  }
  if (isAtlas) {
    return 'MongoDB Atlas refused the command, and nothing was changed. Whoever runs this server finds the reason in its log.';
  }
  return undefined;
}
