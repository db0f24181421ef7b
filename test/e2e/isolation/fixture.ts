import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { call } from '../../support/call.ts';
import type { ClientKind, McpClient } from '../../support/clients.ts';
import { EVERY_TOOLSET } from '../../support/offered.ts';
import { type Endpoint, Servers, type TransportKind } from '../../support/server-process.ts';
import type { E2eDatabase } from '../../support/test-databases.ts';
import { grant } from '../../support/tokens.ts';
import type { Target } from './cases.ts';

/** A text in everything that a stranger must not see. */
export const SECRET = 'SECRET-7f3a';

/** Users whose names are part of no other word. */
export const ADA = 'ada@acme';
export const BOB = 'bob@acme';
export const HER_OTHER = 'other-4711';
/** One user for every target, so that an attempt on one target does not change the next. */
const OTHERS = { eve: 'eve@acme', dan: 'dan@acme', gone: 'gone@acme', idle: 'idle@acme' };

/** The callers: one namespace with two pinned users, and another namespace. */
export interface People<T> {
  /** Runs the namespace of ada and bob. */
  acme: T;
  ada: T;
  bob: T;
  /** Runs another namespace. */
  beta: T;
}

/** A server that these callers share. */
export class SharedServer {
  readonly tokens: People<string>;
  /** The address of the server; of one over stdio there is none. */
  readonly url: string;
  readonly #servers: Servers;
  readonly #endpoint: Endpoint;

  private constructor(servers: Servers, endpoint: Endpoint, tokens: People<string>) {
    this.#servers = servers;
    this.#endpoint = endpoint;
    this.tokens = tokens;
    this.url = endpoint.url ?? '';
  }

  static async open(transport: TransportKind, database: E2eDatabase): Promise<SharedServer> {
    const servers = await Servers.open();
    const file = join(servers.directory, 'tokens.json');
    const [acme, beta] = [`acme-${randomUUID()}`, `beta-${randomUUID()}`];
    const tokens = {
      acme: await grant(file, acme, { scopes: ['admin'] }),
      ada: await grant(file, acme, { user_id: ADA }),
      bob: await grant(file, acme, { user_id: BOB }),
      beta: await grant(file, beta, { scopes: ['admin'] }),
    };
    // The rate limit must not stop strangers who try everything.
    const env = { ...database.env, AUTH_TOKENS_FILE: file, CALLS_PER_SECOND: '100000' };
    return new SharedServer(
      servers,
      await servers.serve(transport, { env, args: EVERY_TOOLSET }),
      tokens,
    );
  }

  connect(who: keyof People<unknown>, kind: ClientKind): Promise<McpClient> {
    return this.#endpoint.connect(kind, this.tokens[who]);
  }

  async close(): Promise<void> {
    await this.#servers.close();
  }
}

/** Adds the records of a namespace. Returns the identifiers that strangers try, by what they name. */
export async function addRecords(acme: McpClient): Promise<Map<string, Target>> {
  const metadata = { note: SECRET };
  for (const user_id of [ADA, BOB, ...Object.values(OTHERS)]) {
    await call(acme, 'add_user', { user_id, first_name: SECRET, metadata });
  }
  const sessions: [what: string, session_id: string, user_id?: string][] = [
    ['a live session', `${encodeURIComponent(ADA)}/live 🦊`, ADA],
    ['a session under a plain name', 'plain-4711', OTHERS.eve],
    ['a deleted session', 'deleted-4711', OTHERS.dan],
    ["nobody's session", 'nobodys-4711'],
    ["a deleted user's session", 'gone-4711', OTHERS.gone],
  ];
  // The list of ada's sessions gets a cursor.
  await call(acme, 'add_session', { session_id: HER_OTHER, user_id: ADA, metadata });
  const targets = new Map<string, Target>();
  const list = async (tool: string, args: Record<string, unknown>) =>
    (await call(acme, tool, { ...args, limit: 1 })).next_cursor as string;
  for (const [what, session_id, user_id = OTHERS.idle] of sessions) {
    const owner = what === "nobody's session" ? {} : { user_id };
    await call(acme, 'add_session', { session_id, ...owner, metadata });
    const said = { role: 'user', content: SECRET, metadata };
    const { messages } = await call(acme, 'add_memory', { session_id, messages: [said, said] });
    await call(acme, 'set_summary', { session_id, content: SECRET, up_to_seq: 1 });
    const entity = `entity of ${session_id}`;
    const about = (fact: string) => ({ subject: entity, predicate: 'IS', object: 'x', fact });
    const known = await call(acme, 'add_facts', {
      ...{ user_id, facts: [about(`${SECRET} of ${session_id}`), about(`also ${session_id}`)] },
      source: { session_id, uuids: [messages[0].uuid] },
    });
    const found = await call(acme, 'get_entity', { user_id, name: entity });
    targets.set(what, {
      session_id,
      user_id,
      uuid: messages[0].uuid,
      fact: { uuid: known.facts[0].uuid, entity, entity_uuid: found.entity.uuid },
      episode: randomUUID(),
      cursors: {
        sessions: '',
        ofUser: '',
        users: '',
        messages: await list('list_messages', { session_id }),
        search: '',
        facts: await list('search_facts', { user_id }),
      },
    });
  }
  for (const target of targets.values()) {
    target.cursors.sessions = await list('list_sessions', {});
    target.cursors.ofUser = await list('list_sessions', { user_id: ADA });
    target.cursors.users = await list('list_users', {});
    target.cursors.search = await list('search_memory', { query: SECRET });
  }
  const deleted = targets.get('a deleted session') as Target;
  const { user_id, fact } = deleted;
  await call(acme, 'delete_facts', { user_id, uuids: [fact.uuid] });
  await call(acme, 'delete_entity', { user_id, name: fact.entity });
  await call(acme, 'delete_session', { session_id: deleted.session_id });
  await call(acme, 'delete_user', { user_id: OTHERS.gone });
  return targets;
}

/** All records of a namespace, live and deleted. */
export async function inventory(acme: McpClient): Promise<string> {
  const found: unknown[] = [];
  for (const deleted of ['exclude', 'only']) {
    const { sessions } = await call(acme, 'list_sessions', { deleted, order: 'asc' });
    const { users } = await call(acme, 'list_users', { deleted, order: 'asc' });
    found.push(sessions, users);
    if (deleted === 'only') continue;
    for (const { user_id } of users) {
      found.push(await call(acme, 'search_facts', { user_id, include_ended: true }));
    }
    for (const { session_id } of sessions) {
      found.push(await call(acme, 'list_messages', { session_id }));
      // Advice is given once.
      const { advice: _, ...memory } = await call(acme, 'get_memory', { session_id });
      found.push(memory);
    }
  }
  return JSON.stringify(found);
}

/** A target whose identifiers look alike but do not exist. */
export function unknownTarget({ cursors }: Target): Target {
  const bogus = (cursor: string) =>
    Buffer.from(`["${randomUUID()}",1,""]${cursor}`).toString('base64url');
  return {
    session_id: `never/${randomUUID()} 🦊`,
    user_id: `never-${randomUUID()}`,
    uuid: randomUUID(),
    fact: {
      uuid: randomUUID(),
      entity: `entity of ${randomUUID()}`,
      entity_uuid: randomUUID(),
    },
    episode: randomUUID(),
    cursors: {
      sessions: bogus(cursors.sessions),
      ofUser: bogus(cursors.ofUser),
      users: bogus(cursors.users),
      messages: bogus(cursors.messages),
      search: bogus(cursors.search),
      facts: bogus(cursors.facts),
    },
  };
}
