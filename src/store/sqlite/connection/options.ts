import type { Logger } from '../../../domain/logger.ts';

/** Receives warnings for the operator of the server that no caller gets as an error. */
export type Warn = Logger['warn'];

export interface ConnectionOptions {
  /** Writes nothing, not even a log beside the file. The file has to exist. */
  readOnly?: boolean;
  /** Another connection of this process has the file open for writing, so its log exists. */
  besideWriter?: boolean;
  /** One number. Once it is 1, statements that call `in_time()` fail. */
  stop?: Int32Array<SharedArrayBuffer>;
  warn?: Warn;
}
