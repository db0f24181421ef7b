import { Transform, type TransformCallback } from 'node:stream';
import { setImmediate as nextIteration } from 'node:timers/promises';

const NEWLINE = 0x0a;

/** The bytes kept of each end of a line that is too long, to find its id in. */
const KEPT_BYTES = 512;

/**
 * Passes on whole lines, one in each chunk, and drops and reports those above a limit. While a line
 * waits, nothing more is read from the input.
 */
export class LineLimit extends Transform {
  readonly #maxBytes: number;
  readonly #onTooLong: (id: string | number | null, bytes: number) => void;
  readonly #whenReady: () => Promise<void> | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #head: Buffer | undefined;

  /**
   * @param onTooLong is called for each dropped line with the id of its JSON-RPC request, if one of
   *   the two ends contains it, and with the length of the line in bytes
   * @param whenReady is called before each line; the line waits for the returned promise, if any
   */
  constructor(
    maxBytes: number,
    onTooLong: (id: string | number | null, bytes: number) => void,
    whenReady: () => Promise<void> | undefined = () => undefined,
  ) {
    super();
    this.#maxBytes = maxBytes;
    this.#onTooLong = onTooLong;
    this.#whenReady = whenReady;
  }

  override _transform(chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      // A line that was passed on but not yet taken is not counted as in flight yet.
      const ready = this.readableLength > 0 ? nextIteration() : this.#whenReady();
      if (ready !== undefined) {
        const rest = chunk.subarray(start);
        void ready.then(() => (this.destroyed ? done() : this._transform(rest, encoding, done)));
        return;
      }
      this.#take(chunk.subarray(start, end + 1));
      this.#endLine();
      start = end + 1;
    }
    if (start < chunk.length) this.#take(chunk.subarray(start));
    done();
  }

  #take(part: Buffer): void {
    this.#chunks.push(part);
    this.#bytes += part.length;
    if (this.#bytes <= this.#maxBytes) return;
    const collected = Buffer.concat(this.#chunks);
    this.#head ??= Buffer.from(collected.subarray(0, KEPT_BYTES));
    this.#chunks = [Buffer.from(collected.subarray(-KEPT_BYTES))];
  }

  #endLine(): void {
    const line = Buffer.concat(this.#chunks);
    if (this.#head === undefined) this.push(line);
    else this.#onTooLong(idAtEnds(this.#head.toString(), line.toString()), this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    this.#head = undefined;
  }
}

/**
 * Finds the id of a JSON-RPC request of which only the two ends are known. Clients write it at
 * either.
 */
function idAtEnds(head: string, tail: string): string | number | null {
  const id = '"id":\\s*(-?\\d+|"(?:[^"\\\\]|\\\\.)*")';
  const found =
    new RegExp(`^\\uFEFF?\\{\\s*(?:"jsonrpc":\\s*"2.0",\\s*)?${id}`).exec(head) ??
    new RegExp(`${id}(?:,\\s*"jsonrpc":\\s*"2.0")?\\s*\\}\\s*$`).exec(tail);
  return found?.[1] === undefined ? null : JSON.parse(found[1]);
}
