// What a program with the wrong key, and with none, sees of the self-hosted edition.
import { Memory, Message, NotFoundError, Session, ZepClient } from '@getzep/zep-js';
import { recordWarnings, refusal, report } from '../report.mjs';

const warnings = recordWarnings();
const connect = (key) => ZepClient.init(process.env.ZEP_API_URL, key);

/** What the calls of a client answer with. */
async function outcomes(client) {
  const messages = [new Message({ role: 'user', content: 'hello' })];
  const calls = [
    () => client.memory.addSession(new Session({ session_id: 'chat' })),
    () => client.memory.addMemory('chat', new Memory({ messages })),
    () => client.memory.getSession('chat'),
    () => client.memory.listSessions(10, 0),
    () => client.memory.deleteMemory('chat'),
    () => client.user.add({ user_id: 'ada' }),
    () => client.user.get('ada'),
  ];
  const seen = [];
  for (const call of calls) seen.push((await refusal(call)).error);
  return seen;
}

const client = await connect(process.env.ZEP_API_KEY);
report({
  right: await outcomes(client),
  wrong: await outcomes(await connect('wrong')),
  none: await outcomes(await connect(undefined)),
  notFound: await client.memory.getSession('unknown').catch((error) => {
    return error instanceof NotFoundError && error.message;
  }),
  warnings,
});
