import { localPrincipal, type Principal } from '../../src/domain/principal.ts';
import { TOOLSETS } from '../../src/domain/toolsets.ts';
import { REST_ANSWER } from '../../src/rest/answer-shape.ts';
import { createRest, type Rest, type RestOptions } from '../../src/rest/index.ts';
import { describeServices, type ServicesUnderTest } from '../services/describe-services.ts';

/** An answer of the REST API, parsed if it is JSON. */
export interface Answered {
  status: number;
  body: unknown;
}

/** Sends a request with a body, which is sent as JSON. */
export type Send = (method: string, path: string, body?: unknown) => Promise<Answered>;

export interface RestUnderTest {
  services: ServicesUnderTest;
  /** Sends a request as a caller who may do everything in the namespace of the test. */
  send: Send;
  /** The same as another caller, or from a server with other options. */
  as(caller: Partial<Principal>, options?: Partial<RestOptions>): Send;
}

const OPTIONS: Omit<RestOptions, 'now'> = {
  version: '0.0.0',
  toolsets: TOOLSETS,
  readOnly: false,
  callTimeout: 10_000,
  observe: () => () => {},
};

/** Runs a suite on the REST API over each kind of store. */
export function describeRest(title: string, suite: (at: RestUnderTest) => void): void {
  const onServices = (services: ServicesUnderTest) => {
    const as = (caller: Partial<Principal>, options: Partial<RestOptions> = {}): Send => {
      return (method, path, body) => {
        const principal = { ...localPrincipal(services.caller.namespace), ...caller };
        const { clock } = services;
        const rest = createRest({ ...OPTIONS, now: () => clock.now, ...options }, services);
        return send(rest, principal, method, path, body);
      };
    };
    suite({ services, send: as({}), as });
  };
  describeServices(title, onServices, REST_ANSWER);
}

async function send(
  rest: Rest,
  caller: Principal,
  method: string,
  target: string,
  body: unknown,
): Promise<Answered> {
  const [path = '', query = ''] = target.split('?');
  const answer = await rest.answer({
    ...{ method, path, query, body, caller, headers: {}, requestId: 'test' },
    signal: new AbortController().signal,
    hold: () => () => {},
  });
  const isJson = answer.contentType === 'application/json';
  return { status: answer.status, body: isJson ? JSON.parse(answer.body) : answer.body };
}
