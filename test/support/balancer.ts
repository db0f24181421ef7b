import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server behind the balancer. */
export interface Backend {
  url: string;
  opsUrl: string;
}

const CHECK_EVERY_MS = 100;

/**
 * One address for several servers, as a load balancer gives it: requests go in turn to those that
 * say at `/readyz` that they are ready. It repeats nothing.
 */
export class Balancer {
  readonly #http = createServer((incoming, response) => this.#forward(incoming, response));
  readonly #agent = new Agent({ keepAlive: true });
  readonly #ready = new Set<Backend>();
  #turn = 0;
  #open = true;

  static async open(): Promise<Balancer> {
    const balancer = new Balancer();
    balancer.#http.listen(0, '127.0.0.1');
    await once(balancer.#http, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Asks a backend from now on whether it is ready; resolves once it is. */
  async add(backend: Backend): Promise<void> {
    while (!(await isReady(backend))) await delay(CHECK_EVERY_MS);
    this.#ready.add(backend);
    void this.#watch(backend);
  }

  async #watch(backend: Backend): Promise<void> {
    while (this.#open && (await isReady(backend))) await delay(CHECK_EVERY_MS);
    this.#ready.delete(backend);
  }

  close(): void {
    this.#open = false;
    this.#http.close();
    this.#http.closeAllConnections();
    this.#agent.destroy();
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const backends = [...this.#ready];
    this.#turn += 1;
    const backend = backends[this.#turn % backends.length];
    const fail = () => (response.headersSent ? response.destroy() : response.writeHead(502).end());
    if (backend === undefined) return void fail();
    const { method, headers } = incoming;
    const outgoing = request(
      `${backend.url}${incoming.url}`,
      { method: method as string, headers, agent: this.#agent },
      (answer) => {
        const { connection: _ours, 'keep-alive': _too, ...rest } = answer.headers;
        response.writeHead(answer.statusCode ?? 502, rest);
        answer.on('error', fail).pipe(response);
      },
    );
    outgoing.on('error', fail);
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}

async function isReady({ opsUrl }: Backend): Promise<boolean> {
  return fetch(`${opsUrl}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
