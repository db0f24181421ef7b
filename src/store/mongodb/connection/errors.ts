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
 * Server errors that pass: the node stepped down, shuts down, recovers, lost a connection of its own,
 * met a write conflict, or waited for one until its time was over. By the driver specifications on
 * retryable reads and server discovery.
 */
const PASSING_CODES = new Set([
  6, 7, 50, 64, 89, 91, 112, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);

const PASSING_LABELS = [
  'RetryableWriteError',
  'TransientTransactionError',
  'UnknownTransactionCommitResult',
];

/**
 * What Node says of a socket that broke. The driver passes some of these on as they are, above all
 * EPIPE: "This socket has been ended by the other party".
 */
const SOCKET_CODES = new Set([
  'EPIPE',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  // Of the name service, which a mongodb+srv:// address is looked up in.
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEOUT',
  'ESERVFAIL',
  'EREFUSED',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/** The server's refusals of who we are: authentication failed, no such user, and Atlas's for either. */
const REFUSED_CODES = new Set([11, 18, 8000]);

/** Unauthorized: the server knows who we are, and does not let us do that. */
const NO_RIGHT = 13;

/** CommandNotFound, CommandNotSupported: a version, or a feature compatibility version, too old. */
const UNSUPPORTED_CODES = new Set([59, 115]);

const DUPLICATE_KEY = 11000;

/** Of somebody who is writing the same document: WriteConflict, MaxTimeMSExpired. */
const CONTENDED_CODES = new Set([112, 50]);

/** Whether the same operation may succeed shortly. Whether it took effect may be unknown. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof MongoError)) {
    return SOCKET_CODES.has(String((error as NodeJS.ErrnoException | null)?.code));
  }
  return (
    error instanceof MongoNetworkError ||
    // It was done, and nobody knows yet whether it will stay.
    error instanceof MongoWriteConcernError ||
    error instanceof MongoServerSelectionError ||
    ['MongoWaitQueueTimeoutError', 'WaitQueueTimeoutError'].includes(error.name) ||
    ['MongoPoolClosedError', 'MongoTopologyClosedError', 'MongoNotConnectedError'].includes(
      error.name,
    ) ||
    // A connection that broke during a bulk write: the driver says no more than this of it.
    (error instanceof MongoBulkWriteError &&
      (error.code === undefined || SOCKET_CODES.has(String(error.code)))) ||
    PASSING_CODES.has(Number(error.code)) ||
    PASSING_LABELS.some((label) => error.hasErrorLabel(label))
  );
}

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Whether the server does not know a command, or does not let it run in its present state. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof MongoServerError && UNSUPPORTED_CODES.has(Number(error.code));
}

/**
 * What stopped a bulk write, as the error that a command by itself fails with: the driver wraps it, and
 * the wrapper of several collections has neither its code nor its labels.
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

/** The error of a store that could not be reached in the time that a call waits for it. */
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

/** A `DomainError` for whatever the driver threw; the original is its cause, for the log. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (isPassing(error)) return unavailable(error);
  const code = error instanceof MongoError ? Number(error.code) : undefined;
  const message =
    code === NO_RIGHT
      ? 'MongoDB does not let the user that this server signs in as do that. Whoever runs the server has to give that user the role readWrite on the database, or start the server with --read-only, for which the role read is enough.'
      : code !== undefined && REFUSED_CODES.has(code)
        ? 'MongoDB refused the credentials of this server. Whoever runs it has to check MONGODB_URI.'
        : "The store failed, and nothing was changed. The server's log says why.";
  return new DomainError('INTERNAL', message, { cause: error });
}
