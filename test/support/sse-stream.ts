/** A stream of server-sent events, as it comes. */
export class SseStream {
  /** Where messages are posted to, over HTTP+SSE: the first event says so. */
  readonly endpoint: URL;
  /** Settles when the server ends the stream. */
  readonly ended: Promise<void>;
  readonly #events: string[] = [];
  readonly #waiting: ((event: string) => void)[] = [];
  readonly #abort: AbortController;

  private constructor(
    first: string,
    base: string,
    events: AsyncIterator<string>,
    abort: AbortController,
  ) {
    this.endpoint = new URL(first, base);
    this.#abort = abort;
    this.ended = this.#read(events);
  }

  /** Opens the stream of HTTP+SSE at `url`. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<SseStream> {
    const abort = new AbortController();
    const response = await fetch(`${url}/sse`, { signal: abort.signal, headers });
    if (!response.ok) throw new Error(`GET /sse: ${response.status}`);
    const events = dataOf(response.body as ReadableStream<Uint8Array>);
    return new SseStream((await events.next()).value ?? '', url, events, abort);
  }

  next(): Promise<string> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(events: AsyncIterator<string>): Promise<void> {
    try {
      for (let event = await events.next(); !event.done; event = await events.next()) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#events.push(event.value);
        else waiting(event.value);
      }
    } catch {
      // We closed it, or the server did in a hurry.
    }
  }
}

async function* dataOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) yield data;
    }
  }
  return undefined;
}
