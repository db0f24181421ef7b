import type { Readable, Writable } from 'node:stream';

/** What a command gets of the process: only `main.ts` reads it from `process`. */
export interface Invocation {
  /** The arguments after the program's name. */
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** As `process.platform`. */
  platform: string;
  /** The version of the package. */
  version: string;
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable;
  stderr: Writable & { isTTY?: boolean };
  /** Resolves with the name of the first stop signal. The second one ends the process at once. */
  stopSignal(): Promise<string>;
}

/** One command of the program. */
export interface Command {
  /** How it is typed, after the program's name. */
  usage: string;
  /** One line for `--help`. */
  summary: string;
  /**
   * Runs the command to its end.
   *
   * @throws ConfigError when a setting or an argument is wrong; any other error when the command failed
   */
  run(invocation: Invocation): Promise<void>;
}
