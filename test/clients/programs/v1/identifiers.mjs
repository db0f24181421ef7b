// Sessions and users with identifiers that are hard to put into an address.
import { Memory, Message, Session, ZepClient } from '@getzep/zep-js';
import { gone, IDS, lives } from '../lives.mjs';
import { recordWarnings, report } from '../report.mjs';

recordWarnings();
const client = await ZepClient.init(process.env.ZEP_API_URL, process.env.ZEP_API_KEY);
const { memory, user } = client;

const sessions = await lives(IDS, {
  async add(session_id, number) {
    const added = await memory.addSession(new Session({ session_id, metadata: { number } }));
    return added.session_id === session_id;
  },
  async get(id, number) {
    const { session_id, metadata } = await memory.getSession(id);
    return session_id === id && metadata.number === number;
  },
  async save(id, number) {
    const messages = [new Message({ role: 'user', content: `${number}` })];
    return (await memory.addMemory(id, new Memory({ messages }))) === 'OK';
  },
  async load(id, number) {
    return (await memory.getMemory(id)).messages[0]?.content === `${number}`;
  },
  delete: async (id) => (await memory.deleteMemory(id)) === 'OK',
  'get again': gone((id) => memory.getSession(id)),
});
const users = await lives(IDS, {
  async add(user_id, number) {
    return (await user.add({ user_id, metadata: { number } })).user_id === user_id;
  },
  async get(id, number) {
    const { user_id, metadata } = await user.get(id);
    return user_id === id && metadata.number === number;
  },
  list: async (id) => (await user.getSessions(id)).length === 0,
  delete: async (id) => (await user.delete(id)) === 'OK',
  'get again': gone((id) => user.get(id)),
});
report({ sessions, users, left: (await memory.listSessions()).map((left) => left.session_id) });
