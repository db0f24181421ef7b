import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from './call.ts';
import type { Servers } from './server-process.ts';

/** A session file with two sessions of 40 messages, `hurt`, which has a summary, and `sound`. */
export class SmallFile {
  readonly #servers: Servers;
  readonly #path: string;

  private constructor(servers: Servers) {
    this.#servers = servers;
    this.#path = join(servers.directory, 'small', 'sessions.db');
  }

  /** Lets a server write the file. */
  static async write(servers: Servers): Promise<SmallFile> {
    const file = new SmallFile(servers);
    const client = await servers.connectStdio('v2', { env: { SESSIONS_DB: file.#path } });
    const person = { email: 'a@example.org', first_name: 'Ann', last_name: 'Bee' };
    await call(client, 'add_user', { user_id: 'ann', ...person, metadata: { note: 'none' } });
    for (const session_id of ['hurt', 'sound']) {
      await call(client, 'add_session', { session_id, user_id: 'ann', metadata: { note: 'none' } });
      for (let i = 0; i < 40; i++) {
        const content = `${session_id} number${i} ${'words '.repeat(100)}`;
        const messages = [{ role: 'user', content, metadata: { note: 'none' } }];
        await call(client, 'add_memory', { session_id, messages });
      }
    }
    await call(client, 'set_summary', { session_id: 'hurt', content: 'so far', up_to_seq: 30 });
    await call(client, 'search_memory', { query: 'number7' });
    await client.close();
    return file;
  }

  /** @returns the path of a copy in a folder of its own */
  async copy(name: string): Promise<string> {
    const folder = join(this.#servers.directory, name);
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'sessions.db');
    await copyFile(this.#path, file);
    return file;
  }
}
