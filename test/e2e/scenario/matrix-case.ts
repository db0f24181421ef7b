import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { ClientKind, McpClient } from '../../support/clients.ts';
import { EVERY_TOOLSET } from '../../support/offered.ts';
import { type Endpoint, Servers, type TransportKind } from '../../support/server-process.ts';
import type { E2eDatabase } from '../../support/test-databases.ts';

/** One case of the matrix: a client that reaches a server over one transport, on one store. */
export class MatrixCase {
  readonly transport: TransportKind;
  readonly kind: ClientKind;
  readonly #open: () => E2eDatabase;
  #servers: Servers | undefined;
  #database: E2eDatabase | undefined;
  #endpoint: Endpoint | undefined;
  #client: McpClient | undefined;

  constructor(transport: TransportKind, kind: ClientKind, open: () => E2eDatabase) {
    this.transport = transport;
    this.kind = kind;
    this.#open = open;
  }

  get client(): McpClient {
    return this.#client as McpClient;
  }

  async start(): Promise<void> {
    this.#servers ??= await Servers.open();
    this.#database ??= this.#open();
    const options = { env: this.#database.env, args: EVERY_TOOLSET };
    this.#endpoint = await this.#servers.serve(this.transport, options);
    this.#client = await this.#endpoint.connect(this.kind);
    // From here on the client holds every answer, errors included, against its tool's outputSchema.
    await this.#client.listTools();
  }

  async restart(): Promise<void> {
    await this.client.close();
    await this.#endpoint?.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#servers?.close();
    await this.#database?.drop();
  }

  /** Calls a tool that has to succeed. */
  async call(tool: string, args: Record<string, unknown> = {}) {
    const answer = await this.client.callTool(tool, args);
    expect(answer.isError, answer.text).toBe(false);
    expect(JSON.parse(answer.text)).toEqual(answer.content);
    return answer.content;
  }

  /** Calls a tool that has to fail, and returns the message that the caller gets. */
  async refused(tool: string, args: Record<string, unknown>, code: string): Promise<string> {
    const { isError, text, content } = await this.client.callTool(tool, args);
    expect(isError, text).toBe(true);
    expect(content.error).toEqual({ code, message: expect.any(String), retryable: false });
    expect(text).toBe(`${code}: ${content.error.message}`);
    return content.error.message;
  }

  async addSession(metadata: Record<string, unknown> = {}, session_id: string = randomUUID()) {
    const { session } = await this.call('add_session', { session_id, metadata });
    return session;
  }

  async addUser(user_id: string = randomUUID(), fields: Record<string, unknown> = {}) {
    const { user } = await this.call('add_user', { user_id, ...fields });
    return user;
  }

  /** Adds messages with these contents to a new session, and returns its identifier. */
  async addConversation(contents: readonly string[]): Promise<string> {
    const session_id = randomUUID();
    const messages = contents.map((content) => ({ role: 'user', content }));
    await this.call('add_memory', { session_id, messages });
    return session_id;
  }

  /** All records of a list, by its cursor, and the number on each page. */
  async everything(tool: string, kind: string, args: Record<string, unknown>) {
    // biome-ignore lint/suspicious/noExplicitAny: tests look into records of many shapes
    const records: any[] = [];
    const pages: number[] = [];
    let cursor: string | undefined;
    do {
      const answer = await this.call(tool, { ...args, ...(cursor !== undefined && { cursor }) });
      pages.push(answer[kind].length);
      records.push(...answer[kind]);
      cursor = answer.next_cursor;
    } while (cursor !== undefined);
    return { records, pages };
  }
}
