/**
 * Codes of errors that pass: the same command may succeed shortly. From the server's own list
 * (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml) of 5.0 to 8.x, and from the
 * driver specifications on retryable reads, retryable writes and server discovery
 * (https://github.com/mongodb/specifications). A bulk write reports codes without the labels that a single
 * command has.
 */
export const TRANSIENT_CODES: ReadonlyMap<number, string> = new Map([
  // The node, or one behind it, cannot be reached.
  [6, 'HostUnreachable'],
  [7, 'HostNotFound'],
  [89, 'NetworkTimeout'],
  [202, 'NetworkInterfaceExceededTimeLimit'],
  [279, 'ClientDisconnect'],
  [384, 'ConnectionError'],
  [407, 'PooledConnectionAcquisitionExceededTimeLimit'],
  [9001, 'SocketException'],
  // It is not the primary, or no longer, or there is none.
  [133, 'FailedToSatisfyReadPreference'],
  [189, 'PrimarySteppedDown'],
  [216, 'ElectionInProgress'],
  [10058, 'LegacyNotPrimary'],
  [10107, 'NotWritablePrimary'],
  [11602, 'InterruptedDueToReplStateChange'],
  [13435, 'NotPrimaryNoSecondaryOk'],
  [13436, 'NotPrimaryOrSecondary'],
  // It stops, or has just started.
  [91, 'ShutdownInProgress'],
  [94, 'NotYetInitialized'],
  [134, 'ReadConcernMajorityNotAvailableYet'],
  [203, 'ShardingStateNotInitialized'],
  [211, 'KeyNotFound'],
  [246, 'SnapshotUnavailable'],
  [11600, 'InterruptedAtShutdown'],
  // Somebody else writes the same document, or holds a lock.
  [24, 'LockTimeout'],
  [46, 'LockBusy'],
  [112, 'WriteConflict'],
  [117, 'ConflictingOperationInProgress'],
  [251, 'NoSuchTransaction'],
  [267, 'PreparedTransactionInProgress'],
  [290, 'TransactionExceededLifetimeLimitSeconds'],
  [363, 'RetryableTransactionInProgress'],
  // Its time was over, or an operator ended it.
  [43, 'CursorNotFound'],
  [50, 'MaxTimeMSExpired'],
  [64, 'WriteConcernTimeout'],
  [175, 'QueryPlanKilled'],
  [237, 'CursorKilled'],
  [262, 'ExceededTimeLimit'],
  [11601, 'Interrupted'],
  // The server has too much to do.
  [365, 'TemporarilyUnavailable'],
  [402, 'ResourceExhausted'],
  [433, 'AdmissionQueueOverflow'],
  [449, 'RateLimitExceeded'],
  [450, 'PooledConnectionAcquisitionRejected'],
  [462, 'IngressRequestRateLimitExceeded'],
  // A mongos knows the shards as they were.
  [150, 'StaleEpoch'],
  [249, 'StaleDbVersion'],
  [250, 'StaleChunkHistory'],
  [272, 'MigrationConflict'],
  [13388, 'StaleConfig'],
]);

/** Labels of errors that pass. */
export const TRANSIENT_LABELS = [
  'RetryableWriteError',
  'RetryableError',
  'SystemOverloadedError',
  'TransientTransactionError',
  'UnknownTransactionCommitResult',
];

/** Somebody else is writing the same document: LockTimeout, LockBusy, WriteConflict. */
export const CONTENDED_CODES: ReadonlySet<number> = new Set([24, 46, 112]);

/** MaxTimeMSExpired: the command waited for somebody's transaction, or the server was slow. */
export const MAX_TIME_EXPIRED = 50;

/** DuplicateKey. */
export const DUPLICATE_KEY = 11000;

/** NamespaceNotFound: the collection does not exist. */
export const NAMESPACE_NOT_FOUND = 26;

export const INDEX_NOT_FOUND = 27;

/** IndexOptionsConflict, IndexKeySpecsConflict: there is another index of that name, or with that key. */
export const INDEX_CONFLICT_CODES: readonly number[] = [85, 86];

/** Wrong credentials: UserNotFound, AuthenticationFailed. */
export const CREDENTIALS_CODES: ReadonlySet<number> = new Set([11, 18]);

/** Unauthorized: the credentials are right, but do not allow the operation. */
export const UNAUTHORIZED = 13;

/** AtlasError: the message says what it is. */
export const ATLAS_ERROR = 8000;

/** OutOfDiskSpace. */
export const OUT_OF_DISK_SPACE = 14031;

/**
 * The server, its feature compatibility version, or its plan at Atlas does not have the command:
 * CommandNotFound, CommandNotSupported; Unauthorized and AtlasError, where the command is not part of the
 * plan.
 */
export const UNSUPPORTED_CODES: readonly number[] = [59, 115, UNAUTHORIZED, ATLAS_ERROR];
