// Sessions and users with identifiers that are hard to put into an address.
import { gone, IDS, lives } from '../lives.mjs';
import { recordWarnings, report } from '../report.mjs';
import { connect } from './client.mjs';

recordWarnings();
const { memory, user } = connect();
await user.add({ userId: 'ada' });

const sessions = await lives(IDS, {
  async add(sessionId, number) {
    const added = await memory.addSession({ sessionId, userId: 'ada', metadata: { number } });
    return added.sessionId === sessionId;
  },
  async get(id, number) {
    const { sessionId, metadata } = await memory.getSession(id);
    return sessionId === id && metadata.number === number;
  },
  async save(id, number) {
    const messages = [{ roleType: 'user', content: `${number}` }];
    return (await memory.add(id, { messages })).ok !== false;
  },
  async load(id, number) {
    return (await memory.get(id)).messages[0]?.content === `${number}`;
  },
  delete: async (id) => (await memory.delete(id)).message === 'OK',
  'get again': gone((id) => memory.getSession(id)),
});
const users = await lives(IDS, {
  async add(userId, number) {
    return (await user.add({ userId, metadata: { number } })).userId === userId;
  },
  async get(id, number) {
    const { userId, metadata } = await user.get(id);
    return userId === id && metadata.number === number;
  },
  list: async (id) => (await user.getSessions(id)).length === 0,
  delete: async (id) => (await user.delete(id)).message === 'OK',
  'get again': gone((id) => user.get(id)),
});
const { sessions: left } = await memory.listSessions({ pageSize: 100, pageNumber: 1 });
report({ sessions, users, left: left.map(({ sessionId }) => sessionId) });
