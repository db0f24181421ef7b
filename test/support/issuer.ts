import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  CompactSign,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
} from 'jose';

export const AUDIENCE = 'https://sessions.example/mcp';

interface Key {
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
}

/** An OAuth issuer for tests: metadata, keys, and valid or invalid tokens. */
export class Issuer {
  /** The number of requests for its keys. */
  keysFetched = 0;
  /** The number of all requests. */
  asked = 0;
  /** Answers 500 to everything. */
  broken = false;
  /** Publishes no keys. */
  withoutKeys = false;
  /** The answer that never ends, if any. */
  endless: 'metadata' | 'keys' | 'error' | undefined;
  readonly #keys: Key[] = [];
  /** The token requests of clients, the newest last. */
  readonly requests: URLSearchParams[] = [];
  readonly #http = createServer((request, response) => void this.#answer(request, response));
  /** The issuer name in its metadata. Some tests set a wrong one. */
  claimed: string | undefined;

  static async open(path = ''): Promise<Issuer> {
    const issuer = new Issuer(path);
    await issuer.addKey();
    issuer.#http.listen(0, '127.0.0.1');
    await once(issuer.#http, 'listening');
    return issuer;
  }

  readonly #path: string;
  private constructor(path: string) {
    this.#path = path;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}${this.#path}`;
  }

  /** Replaces the signing key. */
  async addKey(): Promise<void> {
    const pair = await generateKeyPair('ES256', { extractable: true });
    this.#keys.push({ kid: randomUUID(), ...pair });
  }

  get kid(): string {
    return this.#current.kid;
  }

  get #current(): Key {
    return this.#keys.at(-1) as Key;
  }

  /** The public key as text. A vulnerable server would use it as a shared secret. */
  publicKeyText(): Promise<string> {
    return exportSPKI(this.#current.publicKey);
  }

  /** The claims of a valid token with changes. `undefined` removes a claim. */
  claims(changes: Record<string, unknown> = {}): JWTPayload {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.url,
      aud: AUDIENCE,
      sub: 'somebody',
      iat: now,
      exp: now + 300,
      scope: 'openid sessions:read sessions:write',
      namespace: 'acme',
      ...changes,
    };
    return JSON.parse(JSON.stringify(claims));
  }

  sign(
    changes: Record<string, unknown> = {},
    header: object = {},
    key?: CryptoKey,
  ): Promise<string> {
    const { kid, privateKey } = this.#current;
    return new SignJWT(this.claims(changes))
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', ...header })
      .sign(key ?? privateKey);
  }

  /** Signs claims that `JSON.stringify` cannot write: a part of their text is replaced by another. */
  async signText(changes: Record<string, unknown>, part: string, by: string): Promise<string> {
    const { kid, privateKey } = this.#current;
    const text = JSON.stringify(this.claims(changes)).replace(part, by);
    return new CompactSign(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
      .sign(privateKey);
  }

  close(): void {
    this.#http.close();
    this.#http.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse) {
    const path = request.url;
    this.asked++;
    const kind = path?.startsWith('/.well-known/') ? 'metadata' : 'keys';
    if (this.endless === kind || this.endless === 'error') return flood(response, this.endless);
    const json = async (): Promise<unknown> => {
      if (this.broken) return undefined;
      if (path === `/.well-known/oauth-authorization-server${this.#path}`) {
        return {
          issuer: this.claimed ?? this.url,
          jwks_uri: `${this.url}/keys`,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          response_types_supported: ['code'],
          grant_types_supported: ['client_credentials'],
        };
      }
      if (path === `${this.#path}/token`) {
        const asked = new URLSearchParams(await text(request));
        this.requests.push(asked);
        // Some clients name none, and get what the issuer gives by default.
        const scope = asked.get('scope') ?? 'sessions:read';
        return { access_token: await this.sign({ scope }), token_type: 'Bearer', scope };
      }
      if (path !== `${this.#path}/keys`) return undefined;
      this.keysFetched++;
      const jwk = async ({ kid, publicKey }: Key) => ({
        ...(await exportJWK(publicKey)),
        ...{ kid, alg: 'ES256', use: 'sig' },
      });
      return { keys: this.withoutKeys ? [] : await Promise.all(this.#keys.map(jwk)) };
    };
    const found = await json();
    response.writeHead(found === undefined ? (this.broken ? 500 : 404) : 200, {
      'content-type': 'application/json',
    });
    response.end(JSON.stringify(found ?? {}));
  }
}

/** Answers with endless JSON. */
function flood(response: ServerResponse, kind: string): void {
  response.writeHead(kind === 'error' ? 500 : 200, { 'content-type': 'application/json' });
  response.write('{"issuer":"');
  const part = Buffer.alloc(1024 * 1024, 'x');
  const more = () => {
    while (!response.destroyed && response.write(part));
  };
  response.on('drain', more);
  more();
}
