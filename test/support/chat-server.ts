import type { IncomingMessage, ServerResponse } from 'node:http';
import { behave, type CommonBehaviour, json, listen, refusesKey } from './model-api-server.ts';

/** How the server treats a request. */
export type ChatBehaviour =
  | CommonBehaviour
  | 'answer'
  | 'huge'
  | 'broken off'
  | 'cut'
  | 'refusal'
  | 'no choices'
  | { delay: number }
  | { text: string };

/** What a model is asked, as the server gets it. */
export interface AskedInput {
  known_facts: { number: number; fact: string }[];
  entities: string[];
  messages: { number: number; role: string; time: string; text: string }[];
}

export interface ChatCall {
  path: string;
  model: string;
  headers: IncomingMessage['headers'];
  /** The names of everything in the body. */
  fields: string[];
  system: string;
  user: string;
  /** Of a request that can be read as one for facts. */
  input: AskedInput | undefined;
  /** The status that it got; `undefined` if none. */
  status: number | undefined;
}

export interface ChatServer {
  /** The base URL, ending in `/v1`. */
  readonly url: string;
  /** All requests so far, including refused ones. */
  readonly calls: ChatCall[];
  /** The bearer key that it requires. */
  key: string | undefined;
  /** Whether it knows `response_format`; without, it answers 400 to it. */
  takesSchemas: boolean;
  behaviour: ChatBehaviour;
  /** Where `redirect` leads. */
  redirectTo: string;
  /** Decides request by request, before `behaviour` does. */
  decide: (call: ChatCall) => ChatBehaviour | undefined;
  /** What its model answers, as JSON. */
  answer: (input: AskedInput) => unknown;
  /** The tokens that it counts for a call; `undefined`: it says nothing. */
  tokens: number | undefined;
  close(): Promise<void>;
}

/** A fact as a model states it. */
export const statement = (fact: string, messages: number[], more: object = {}) => {
  const [subject, predicate, ...object] = fact.replace(/\.$/, '').split(' ');
  return { subject, predicate, object: object.join(' '), fact, messages, ...more };
};

/** Facts of each message that is a sentence such as "Ada likes tea.", with every name as an entity. */
export function sentencesOf({ messages }: AskedInput): unknown {
  const facts = messages
    .filter(({ text }) => /^\w+ \w+ .+\.$/.test(text))
    .map(({ number, text }) => statement(text, [number]));
  const names = new Set(facts.flatMap(({ subject, object }) => [subject, object]));
  return { entities: [...names].map((name) => ({ name })), facts };
}

/** An HTTP server that speaks OpenAI's chat completions API. */
export async function startChatServer(): Promise<ChatServer> {
  const { origin, close } = await listen(handle);
  const server: ChatServer = {
    url: `${origin}/v1`,
    calls: [],
    key: undefined,
    takesSchemas: true,
    behaviour: 'answer',
    redirectTo: `${origin}/elsewhere`,
    decide: () => undefined,
    answer: sentencesOf,
    tokens: 100,
    close,
  };

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    body: { model: string; messages: { content: string }[]; response_format?: object },
  ): Promise<void> {
    const [system = '', user = ''] = body.messages.map(({ content }) => content);
    const { url: path = '', headers } = request;
    const call: ChatCall = {
      ...{ path, headers, system, user, model: body.model },
      ...{ fields: Object.keys(body).toSorted(), input: inputOf(user), status: undefined },
    };
    server.calls.push(call);
    response.on('finish', () => {
      call.status = response.statusCode;
    });
    if (refusesKey(request, response, server.key)) return;
    if (!path.startsWith('/v1/chat/completions')) return json(response, 404, { error: 'no page' });
    if (!server.takesSchemas && body.response_format !== undefined) {
      return json(response, 400, { error: { message: 'response_format is not supported' } });
    }
    await respond(response, server.decide(call) ?? server.behaviour, server, call);
  }

  return server;
}

function inputOf(user: string): AskedInput | undefined {
  try {
    const input = JSON.parse(user);
    return Array.isArray(input.messages) ? input : undefined;
  } catch {
    return undefined;
  }
}

async function respond(
  response: ServerResponse,
  behaviour: ChatBehaviour,
  { answer, redirectTo, tokens }: ChatServer,
  { input }: ChatCall,
): Promise<void> {
  const text = () => JSON.stringify(input === undefined ? { ok: true } : answer(input));
  const completion = (message: object, finish_reason = 'stop') => ({
    ...{ object: 'chat.completion', choices: [{ index: 0, message, finish_reason }] },
    ...(tokens !== undefined && { usage: { total_tokens: tokens } }),
  });
  const say = (content: string) => json(response, 200, completion({ role: 'assistant', content }));
  if (typeof behaviour === 'object') {
    if ('text' in behaviour) return say(behaviour.text);
    if ('status' in behaviour) return behave(response, behaviour, redirectTo);
    await new Promise((resolve) => setTimeout(resolve, behaviour.delay));
    return say(text());
  }
  switch (behaviour) {
    case 'answer':
      return say(text());
    case 'huge':
      return say('x'.repeat(8_000_000));
    case 'broken off': {
      const whole = JSON.stringify(completion({ role: 'assistant', content: text() }));
      response.writeHead(200, { 'content-length': whole.length });
      response.write(whole.slice(0, whole.length / 2), () => response.socket?.destroy());
      return;
    }
    case 'cut':
      return json(response, 200, completion({ content: text().slice(0, -20) }, 'length'));
    case 'refusal':
      return json(response, 200, completion({ content: null, refusal: 'I cannot help.' }));
    case 'no choices':
      return json(response, 200, { message: { content: text() } });
    default:
      return behave(response, behaviour, redirectTo);
  }
}
