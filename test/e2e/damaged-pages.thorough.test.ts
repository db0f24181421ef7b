import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ToolAnswer } from '../support/clients.ts';
import { inLanes } from '../support/lanes.ts';
import { Random } from '../support/random.ts';
import { RawStdio } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';
import { SmallFile } from '../support/small-file.ts';

const seed = process.env.DAMAGE_SEED ?? randomUUID().slice(0, 8);
/** In how many places a byte is changed, each in a file of its own. */
const ROUNDS = Number(process.env.DAMAGE_ROUNDS ?? 100);
const ANSWER_MS = 30_000;
/** Bytes in a page of the file. */
const PAGE = 4096;

let servers: Servers;
let prepared: SmallFile;
beforeAll(async () => {
  servers = await Servers.open();
  prepared = await SmallFile.write(servers);
});
afterAll(() => servers?.close());

describe('with any byte of its file changed, a server', () => {
  it(`goes on, and gives every call an answer (DAMAGE_SEED=${seed})`, async () => {
    const outcomes: Record<string, number> = {};
    await inLanes([...Array(ROUNDS).keys()], async (round) => {
      const random = new Random(`${seed} ${round}`);
      const file = await prepared.copy(`round ${round}`);
      const contents = await readFile(file);
      const position = anyPosition(random, contents.length);
      contents[position] = (contents[position] as number) ^ random.between(1, 255);
      await writeFile(file, contents);
      const codes = await useAll(file).catch((error: unknown) => {
        throw new Error(`DAMAGE_SEED=${seed}, round ${round}: byte ${position}`, { cause: error });
      });
      for (const code of codes) outcomes[code] = (outcomes[code] ?? 0) + 1;
    });
    process.stderr.write(`${ROUNDS} damaged files: ${JSON.stringify(outcomes)}\n`);
    expect(outcomes.answered).toBeGreaterThan(ROUNDS);
  });

  /** Every second time where a page says what it holds: most of the file is text. */
  function anyPosition(random: Random, length: number): number {
    const position = random.between(0, length - 1);
    return random.chance(0.5) ? position : position - (position % PAGE) + random.between(0, 100);
  }

  const SESSION = { session_id: 'hurt' };
  const CALLS: [tool: string, args: Record<string, unknown>][] = [
    ['get_memory', SESSION],
    ['add_memory', { ...SESSION, messages: [{ role: 'user', content: 'one more' }] }],
    ['list_messages', SESSION],
    ['list_sessions', { include_total: true }],
    ['list_users', {}],
    ['search_memory', { query: 'words number7', limit: 100, neighbours: 5 }],
    ['update_session_metadata', { ...SESSION, metadata: { more: 1 } }],
    ['delete_user', { user_id: 'ann' }],
    ['restore_user', { user_id: 'ann' }],
    ['delete_session', SESSION],
    ['restore_session', SESSION],
    ['get_memory', { session_id: 'sound' }],
  ];

  /** @returns what each call was answered with */
  async function useAll(file: string): Promise<string[]> {
    const client = new RawStdio(servers.spawn({ env: { SESSIONS_DB: file } }));
    const { server } = client;
    const started = await Promise.race([client.initialize(), server.exited]);
    if ('code' in started) {
      expect([started.code, server.stderr()]).toEqual([2, expect.stringContaining('session file')]);
      return ['not started'];
    }
    const codes: string[] = [];
    for (const [tool, args] of CALLS) codes.push(codeOf(await answer(client, tool, args)));
    server.stdin.end();
    const { signal, code } = await server.exited;
    expect([signal, code], server.stderr().slice(-2000)).toEqual([null, 0]);
    return codes;
  }

  async function answer(client: RawStdio, tool: string, args: Record<string, unknown>) {
    const late = delay(ANSWER_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${tool}: no answer in ${ANSWER_MS} ms`);
    });
    return Promise.race([client.callTool(tool, args), late]);
  }

  const codeOf = ({ isError, content }: ToolAnswer): string =>
    isError ? content.error.code : 'answered';
});
