import { randomUUID } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { Database } from '../../src/store/sqlite/connection/engine.ts';
import type { ToolAnswer } from './clients.ts';
import { type Fault, type Injection, injectFault, runWithFault } from './disk-faults.ts';
import { type AddCall, ExpectedSession, type Listed, readConsistent } from './durability-oracle.ts';
import { RawStdio } from './raw-stdio.ts';
import type { Servers } from './server-process.ts';

const SESSION = 'diary';
/** Makes a message fill two pages of the file, so that a list of them reads many. */
const FILLER = 'filler '.repeat(860);
/** Longer than a call waits for a lock that it does not get. */
const ANSWER_MS = 30_000;

/** What a session has to hold by the acknowledged calls. */
export class Diary {
  readonly session = new ExpectedSession(SESSION);
  /** The metadata of acknowledged calls, and the keys of calls with an unknown outcome. */
  readonly metadata: Record<string, number> = {};
  readonly doubtful = new Set<string>();
  number = 0;

  copy(): Diary {
    const copy = new Diary();
    copy.session.calls = [...this.session.calls];
    Object.assign(copy.metadata, this.metadata);
    copy.number = this.number;
    return copy;
  }

  compareMetadata(metadata: Record<string, unknown> = {}): void {
    expect(metadata).toMatchObject(this.metadata);
    const others = Object.keys(metadata).filter((key) => !(key in this.metadata));
    expect(others.filter((key) => !this.doubtful.has(key))).toEqual([]);
  }
}

/** A server process on a session file. Its answers are compared with the acknowledged calls. */
export class FaultedServer {
  readonly file: string;
  readonly diary: Diary;
  readonly client: RawStdio;
  /** The errors of failed calls. */
  readonly errors: string[] = [];

  private constructor(file: string, diary: Diary, client: RawStdio) {
    this.file = file;
    this.diary = diary;
    this.client = client;
  }

  /** @param fault is injected from the start of the process */
  static async start(
    servers: Servers,
    file: string,
    diary: Diary,
    fault?: Fault,
  ): Promise<FaultedServer> {
    // A sweep would open the file before there is a fault in it.
    const env = { SESSIONS_DB: file, PURGE_AFTER: 'off' };
    const under = fault === undefined ? [] : runWithFault(file, fault);
    const server = new FaultedServer(file, diary, new RawStdio(servers.spawn({ env, under })));
    await server.client.initialize();
    return server;
  }

  inject(fault: Fault): Promise<Injection> {
    return injectFault(this.client.server.pid, this.file, fault);
  }

  /** Calls all tools in turn. Each has to answer correctly, or with an error. */
  async work(searching: boolean): Promise<void> {
    const number = ++this.diary.number;
    await this.#add(number, number % 7 === 0 ? 3 : 1);
    await this.#merge(`key${number}`, number);
    const memory = await this.#call('get_memory', { session_id: SESSION });
    if (!memory.isError) {
      this.diary.compareMetadata(memory.content.session.metadata);
      this.#compareLast(memory.content.messages);
    }
    const list = await this.#call('list_sessions');
    const ids = ({ session_id }: { session_id: string }) => session_id;
    if (!list.isError) expect(list.content.sessions.map(ids)).toEqual([SESSION]);
    await this.#list();
    if (searching) await this.#search();
  }

  /** The same on a working disk: no call fails, and all records are complete. */
  async workWell(searching: boolean): Promise<void> {
    const before = this.errors.length;
    await this.work(searching);
    expect(this.errors.slice(before), this.log()).toEqual([]);
    this.diary.session.compare(await readConsistent(this.client, SESSION), false);
  }

  /** Stops the server while a fault is injected. @returns the number of failed calls */
  async end(fault: Fault): Promise<number> {
    const { server } = this.client;
    const before = server.stderr().length;
    const injection = await this.inject(fault);
    server.stdin.end();
    const { signal } = await server.exited;
    expect(signal, this.log()).toBeNull();
    const failed = await injection.ended;
    if (failed > 0 && /p(read|write)64|fsync|ftruncate/.test(fault.syscall)) {
      expect(server.stderr().slice(before)).toMatch(/"level":"(warn|error)"/);
    }
    return failed;
  }

  /** Kills the server. */
  async kill(): Promise<void> {
    await this.client.server.kill('SIGKILL');
  }

  log(): string {
    return this.client.server.stderr().slice(-3000);
  }

  async #add(number: number, count: number): Promise<void> {
    const contents = Array.from({ length: count }, (_, i) => `${number}.${i} ${FILLER}`);
    const uuids = number % 2 === 0 ? contents.map(() => randomUUID()) : undefined;
    const messages = contents.map((content, i) => ({
      role: 'user',
      content,
      ...(uuids !== undefined && { uuid: uuids[i] }),
    }));
    const call: AddCall = { contents, uuids, attempts: 1 };
    const answer = await this.#call('add_memory', { session_id: SESSION, messages });
    if (!answer.isError) call.answered = answer.content.messages;
    if (!answer.isError || !changedNothing(answer)) this.diary.session.calls.push(call);
  }

  async #merge(key: string, value: number): Promise<void> {
    const args = { session_id: SESSION, metadata: { [key]: value } };
    const answer = await this.#call('update_session_metadata', args);
    if (!answer.isError) {
      this.diary.metadata[key] = value;
      this.diary.compareMetadata(answer.content.session.metadata);
    } else if (!changedNothing(answer)) this.diary.doubtful.add(key);
  }

  async #list(): Promise<void> {
    const messages: Listed[] = [];
    let cursor: string | undefined;
    do {
      const args = { session_id: SESSION, limit: 100, ...(cursor !== undefined && { cursor }) };
      const page = await this.#call('list_messages', args);
      if (page.isError) return;
      messages.push(...page.content.messages);
      cursor = page.content.next_cursor;
    } while (cursor !== undefined);
    this.diary.session.compare(messages, false);
  }

  async #search(): Promise<void> {
    const known = this.diary.session.calls.filter(({ answered }) => answered !== undefined);
    const { contents, answered } = known[this.diary.number % known.length] as AddCall;
    const query = contents[0]?.split(' ')[0] as string;
    const found = await this.#call('search_memory', { query, session_id: SESSION });
    if (found.isError) return;
    const uuids = found.content.hits.map(({ message }: { message: Listed }) => message.uuid);
    expect(uuids).toContain(answered?.[0]?.uuid);
  }

  /** The returned messages have to be the newest of the session, in order and unchanged. */
  #compareLast(messages: readonly Listed[]): void {
    const known = new Map(
      this.diary.session.calls.flatMap(({ contents, answered = [] }) =>
        answered.map(({ uuid, seq }, i) => [seq, { uuid, content: contents[i] }] as const),
      ),
    );
    const unknown = this.diary.session.calls
      .filter(({ answered }) => answered === undefined)
      .flatMap(({ contents }) => contents);
    const last = messages.at(-1)?.seq ?? 0;
    expect(last).toBeGreaterThanOrEqual(Math.max(...known.keys()));
    messages.forEach(({ seq, uuid, content }, i) => {
      expect(seq).toBe(last - messages.length + 1 + i);
      const expected = known.get(seq);
      if (expected === undefined) expect(unknown).toContain(content);
      else expect({ uuid, content }).toEqual(expected);
    });
  }

  async #call(tool: string, args: Record<string, unknown> = {}): Promise<ToolAnswer> {
    const late = delay(ANSWER_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${tool}: no answer in ${ANSWER_MS} ms\n${this.log()}`);
    });
    const answer = await Promise.race([this.client.callTool(tool, args), late]);
    if (answer.isError) {
      this.errors.push(answer.text);
      expect(answer.content.error.code, answer.text).toMatch(/^(UNAVAILABLE|INTERNAL)$/);
      expect(answer.text).not.toMatch(/[Ss][Qq][Ll]ite|\bE[A-Z]{3,}\b|\/tmp|\bat .*js/);
    }
    return answer;
  }
}

const changedNothing = ({ text }: ToolAnswer) => text.includes('nothing was changed');

/** Opens the file as the next server will, and compares all records with the acknowledged calls. */
export async function assertKept(file: string, diary: Diary): Promise<void> {
  const database = await Database.open(file);
  try {
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([['ok']]);
    const rows = database.prepare('SELECT uuid, seq, content FROM messages ORDER BY seq').all();
    const messages = rows.map(([uuid, seq, content]) => ({ uuid, seq, content })) as Listed[];
    expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, i) => i + 1));
    diary.session.compare(messages, false);
    const [metadata] = database.prepare('SELECT metadata FROM sessions').get() ?? [];
    diary.compareMetadata(JSON.parse(metadata as string));
  } finally {
    database.close();
  }
}

/** A session file as a kill -9 leaves it: half of the records are in its log. */
export async function prepareFile(servers: Servers): Promise<{ file: string; diary: Diary }> {
  const file = join(servers.directory, 'prepared', 'sessions.db');
  const diary = new Diary();
  const first = await FaultedServer.start(servers, file, diary);
  for (let i = 0; i < 24; i++) await first.workWell(i === 0);
  first.client.server.stdin.end();
  await first.client.server.exited;
  const second = await FaultedServer.start(servers, file, diary);
  for (let i = 0; i < 6; i++) await second.workWell(false);
  await second.kill();
  return { file, diary };
}

/** A copy of the prepared file and its log. */
export async function copyPrepared(file: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const copy = join(folder, 'sessions.db');
  await copyFile(file, copy);
  await copyFile(`${file}-wal`, `${copy}-wal`);
  return copy;
}

/** Changes the file as another process would. Servers then read its pages again. */
export async function forgetPages(file: string): Promise<void> {
  const database = await Database.open(file);
  const version = database.prepare('PRAGMA user_version').get()?.[0];
  database.exec(`PRAGMA user_version = ${version}`);
  database.close();
}
