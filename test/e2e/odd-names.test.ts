import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVERY_TOOLSET } from '../support/offered.ts';
import { type Frame, RawStdio } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';

/** Names of what every object has, though nobody put it there. */
const ODD = Object.getOwnPropertyNames(Object.prototype);

const INVALID_PARAMS = -32602;

describe('a name that every object has', () => {
  let servers: Servers;
  let raw: RawStdio;
  beforeEach(async () => {
    servers = await Servers.open();
    raw = new RawStdio(servers.spawn({ args: EVERY_TOOLSET, env: { LOG_LEVEL: 'info' } }));
    await raw.initialize();
  });
  afterEach(async () => {
    expect(raw.server.stderr()).not.toContain('"level":"error"');
    expect(raw.invalidLines).toEqual([]);
    await servers.close();
  });

  const codes = (frames: Frame[]) => new Set(frames.map(({ error }) => error?.code));

  it('is no argument of a completion', async () => {
    const refs = [
      ...['session_id', 'session_id}/messages{?from_seq', 'session_id}/messages/{uuid'].map(
        (path) => ({ type: 'ref/resource', uri: `session://{${path}}` }),
      ),
      { type: 'ref/resource', uri: 'user://{user_id}' },
      { type: 'ref/resource', uri: 'user://{user_id}/sessions{?cursor}' },
      { type: 'ref/prompt', name: 'resume_session' },
    ];
    const asked = refs.flatMap((ref) =>
      ODD.map((name) =>
        raw.request('completion/complete', { ref, argument: { name, value: 'x' } }),
      ),
    );
    expect(codes(await Promise.all(asked))).toEqual(new Set([INVALID_PARAMS]));
  });

  it('is nothing that could be completed, and no prompt', async () => {
    const argument = { name: 'session_id', value: 'x' };
    const asked = ODD.flatMap((name) => [
      raw.request('completion/complete', { ref: { type: 'ref/prompt', name }, argument }),
      raw.request('completion/complete', { ref: { type: 'ref/resource', uri: name }, argument }),
      raw.request('prompts/get', { name, arguments: { session_id: 'x' } }),
      raw.request('prompts/get', { name: 'resume_session', arguments: { [name]: 'x' } }),
    ]);
    expect(codes(await Promise.all(asked))).toEqual(new Set([INVALID_PARAMS]));
  });

  it('is no tool, and no argument of one', async () => {
    for (const name of ODD) {
      expect((await raw.request('tools/call', { name, arguments: {} })).error?.code).toBe(
        INVALID_PARAMS,
      );
      const args = `{"session_id":"x",${JSON.stringify(name)}:{"session_id":"x"}}`;
      const answer = raw.answer(name);
      raw.write(
        `{"jsonrpc":"2.0","id":${JSON.stringify(name)},"method":"tools/call","params":{"name":"get_session","arguments":${args}}}`,
      );
      // The SDK lets that one through to nobody: the call is as it would be without.
      const code = name === '__proto__' ? 'NOT_FOUND' : 'INVALID_ARGUMENT';
      expect((await answer).result.structuredContent.error.code, name).toBe(code);
    }
  });

  it('is no kind of resource, and none of what a resource can be asked for', async () => {
    await raw.call('add_session', { session_id: 'x' });
    for (const name of ODD) {
      for (const uri of [name, `${name}://x`, `session://x/${name}`, `session://x?${name}=1`]) {
        const { error } = await raw.request('resources/read', { uri });
        expect(error, uri).toMatchObject({ code: INVALID_PARAMS, data: { uri } });
        expect((await raw.request('resources/subscribe', { uri })).error?.code, uri).toBe(
          INVALID_PARAMS,
        );
      }
    }
  });

  it('is a good identifier, and a good key of metadata', async () => {
    for (const name of ODD) {
      const metadata = JSON.parse(`{${JSON.stringify(name)}:{"a":1}}`);
      const messages = [{ role: name, content: 'said', metadata }];
      expect((await raw.call('add_user', { user_id: name, metadata })).isError).toBeUndefined();
      const session = { session_id: name, user_id: name, metadata };
      expect((await raw.call('add_session', session)).isError).toBeUndefined();
      expect(
        (await raw.call('add_memory', { session_id: name, messages })).isError,
      ).toBeUndefined();
      const { structuredContent: read } = await raw.call('get_session', { session_id: name });
      expect(JSON.stringify(read.session.metadata)).toBe(JSON.stringify(metadata));
      const found = await raw.call('search_memory', { query: 'said', metadata, roles: [name] });
      expect(found.structuredContent.hits, name).toHaveLength(1);
      const fact = { subject: name, predicate: name, object: `the ${name}`, fact: name };
      expect(
        (await raw.call('add_facts', { user_id: name, facts: [fact] })).isError,
      ).toBeUndefined();
      const about = await raw.call('get_entity', { user_id: name, name });
      expect(about.structuredContent.facts, name).toMatchObject([fact]);
    }
  });
});
