// What a program with the wrong key sees of the cloud edition.
import { refusal, report } from '../report.mjs';
import { connect } from './client.mjs';

/** What the calls of a client answer with. */
async function outcomes({ memory, user }) {
  const calls = [
    () => user.add({ userId: 'ada' }),
    () => user.get('ada'),
    () => memory.addSession({ sessionId: 'chat', userId: 'ada' }),
    () => memory.add('chat', { messages: [{ roleType: 'user', content: 'hello' }] }),
    () => memory.getSession('chat'),
    () => memory.listSessions({ pageSize: 10, pageNumber: 1 }),
    () => memory.delete('chat'),
  ];
  const seen = [];
  for (const call of calls) seen.push((await refusal(call)).status ?? null);
  return seen;
}

report({ right: await outcomes(connect()), wrong: await outcomes(connect('wrong')) });
