import { Transform, type TransformCallback } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

const NEWLINE = 0x0a;

/** The bytes that are kept of each end of an over-long line, to find its id in. */
const KEPT_BYTES = 512;

/**
 * Passes on whole lines and drops those above a limit, reporting each. The SDK's reader would end the
 * connection instead, and would copy a long line once for every chunk of it. While a line has to wait,
 * nothing more is read from the input.
 */
export class LineLimit extends Transform {
  readonly #maxBytes: number;
  readonly #onTooLong: (id: string | number | null, bytes: number) => void;
  readonly #whenReady: () => Promise<void> | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #head: Buffer | undefined;

  #lineBytes = 0;

  /** The length of the line that is being passed on, in bytes. */
  readonly lineBytes = (): number => this.#lineBytes;

  /**
   * @param onTooLong hears of each dropped line: the id of its JSON-RPC request, if it shows at
   *   either end of the line, and how long the line was
   * @param whenReady is called before each line; the line waits for the promise, if it returns one
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
      // A line that was passed on, and not read yet, is not in flight yet.
      const ready = this.readableLength > 0 ? nextTurn() : this.#whenReady();
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
    this.#lineBytes = line.length;
    if (this.#head === undefined) this.push(line);
    else this.#onTooLong(idAtEnds(this.#head.toString(), line.toString()), this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    this.#head = undefined;
  }
}

/** The id of a JSON-RPC request of which only the two ends are known; clients put it at either. */
function idAtEnds(head: string, tail: string): string | number | null {
  const id = '"id":\\s*(-?\\d+|"(?:[^"\\\\]|\\\\.)*")';
  const found =
    new RegExp(`^\\{\\s*(?:"jsonrpc":\\s*"2.0",\\s*)?${id}`).exec(head) ??
    new RegExp(`${id}(?:,\\s*"jsonrpc":\\s*"2.0")?\\s*\\}\\s*$`).exec(tail);
  return found?.[1] === undefined ? null : JSON.parse(found[1]);
}
