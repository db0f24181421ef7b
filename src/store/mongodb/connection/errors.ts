import {
  MongoBulkWriteError,
  MongoClientBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb';
import { DomainError, REPEAT } from '../../../domain/errors.ts';

/**
 * Server errors that are transient: the node stepped down, shuts down, recovers, lost a connection of its
 * own, met a write conflict, or waited for one until its time limit. From the driver specifications on
 * retryable reads and on server discovery.
 */
const TRANSIENT_CODES = new Set([
  6, 7, 50, 64, 89, 91, 112, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);

const TRANSIENT_LABELS = [
  'RetryableWriteError',
  'TransientTransactionError',
  'UnknownTransactionCommitResult',
];

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

/** Wrong credentials: AuthenticationFailed, UserNotFound, and AtlasError, which stands for either. */
const CREDENTIALS_CODES = new Set([11, 18, 8000]);

/** The credentials are right, but do not allow the operation. */
const UNAUTHORIZED = 13;

/** CommandNotFound, CommandNotSupported: the server, or its feature compatibility version, is too old. */
const UNSUPPORTED_CODES = new Set([59, 115]);

const DUPLICATE_KEY = 11000;

/** Somebody else is writing the same document: WriteConflict, MaxTimeMSExpired. */
const CONTENDED_CODES = new Set([112, 50]);

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

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Whether the server does not have the command. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof MongoServerError && UNSUPPORTED_CODES.has(Number(error.code));
}

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
  const contended =
    cause instanceof MongoError &&
    !(cause instanceof MongoWriteConcernError) &&
    CONTENDED_CODES.has(Number(cause.code));
  return new DomainError(
    'UNAVAILABLE',
    contended
      ? `Another change of the same record has not finished. ${REPEAT}`
      : `MongoDB cannot be reached at the moment; if this was to change something, it is not known whether it did. ${REPEAT}`,
    { cause, outcomeUnknown: true, ...(unfinished && { unfinished }) },
  );
}

/** The `DomainError` for a failure of the driver, which becomes its cause, for the log. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (isTransient(error)) return unavailable(error);
  const code = error instanceof MongoError ? Number(error.code) : undefined;
  const message =
    code === UNAUTHORIZED
      ? 'MongoDB does not let the user that this server signs in as do that. Whoever runs the server has to give that user the role readWrite on the database, or start the server with --read-only, for which the role read is enough.'
      : code !== undefined && CREDENTIALS_CODES.has(code)
        ? 'MongoDB refused the credentials of this server. Whoever runs it has to check MONGODB_URI.'
        : "The store failed, and nothing was changed. The server's log says why.";
  return new DomainError('INTERNAL', message, { cause: error });
}
