import { randomUUID } from 'node:crypto';
import { afterEach, expect, it, vi } from 'vitest';
import { DomainError, type ErrorCode, REPEAT } from '../../src/domain/errors.ts';
import { createEmbedder } from '../../src/search/embeddings/embedder.ts';
import { quantize } from '../../src/search/vectors.ts';
import type { Embeddings } from '../../src/services/dependencies.ts';
import { type Fact, ServiceError } from '../../src/services/errors.ts';
import { startEmbeddingsServer } from '../support/embeddings-server.ts';
import { numberedMessages } from '../support/records.ts';
import { createServices } from '../support/stores.ts';
import { describeServices, type ServicesUnderTest } from './describe-services.ts';

const DELETED_AT = '2100-01-01T00:00:00.000Z';
const PURGE_AT = '2100-01-08T00:00:00.000Z';
/** Six minutes after the time of the services' clock. */
const AHEAD = '2100-01-01T00:06:00.000Z';
const deletion = { deleted_at: DELETED_AT, purge_at: PURGE_AT };
const UUID = '01a1fd24-303c-761f-bb3f-55f56f02c15b';

const LIVES = { subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada in Lisbon' };

/** Adds a fact about a new user, and returns its uuid. */
async function addFact(
  { caller, users, facts }: ServicesUnderTest,
  times: { valid_at?: string } = {},
): Promise<string> {
  await users.add(caller, { user_id: 'u' });
  const [added] = await facts.add(caller, 'u', [{ ...LIVES, ...times }]);
  return added?.fact.uuid as string;
}

/** A situation in which a call is refused, and the fact that it is refused with. */
interface Situation {
  code: ErrorCode;
  fact: Fact;
  /** Brings the situation about, and makes the call. */
  call(at: ServicesUnderTest): Promise<unknown>;
}

type Situations = { [Kind in Fact['kind']]: Record<string, Situation & { fact: { kind: Kind } }> };

const SITUATIONS: Situations = {
  session_not_found: {
    'of a session that never existed': {
      code: 'NOT_FOUND',
      fact: { kind: 'session_not_found', session_id: 's', deletion: undefined },
      call: ({ caller, sessions }) => sessions.get(caller, 's'),
    },
    'of a deleted session': {
      code: 'NOT_FOUND',
      fact: { kind: 'session_not_found', session_id: 's', deletion },
      async call({ caller, sessions, memory }) {
        await sessions.add(caller, { session_id: 's' });
        await sessions.delete(caller, 's');
        return memory.get(caller, 's');
      },
    },
    'of a session that was deleted with its user': {
      code: 'NOT_FOUND',
      fact: {
        kind: 'session_not_found',
        session_id: 's',
        deletion: { ...deletion, deletedOwner: { user_id: 'u', deleted_at: DELETED_AT } },
      },
      async call({ caller, sessions, users }) {
        await users.add(caller, { user_id: 'u' });
        await sessions.add(caller, { session_id: 's', user_id: 'u' });
        await users.delete(caller, 'u');
        return sessions.restore(caller, 's');
      },
    },
    'of a session that was deleted before its user': {
      code: 'NOT_FOUND',
      fact: {
        kind: 'session_not_found',
        session_id: 's',
        deletion: {
          ...deletion,
          deletedOwner: { user_id: 'u', deleted_at: '2100-01-01T00:00:00.001Z' },
        },
      },
      async call({ caller, sessions, users, clock }) {
        await users.add(caller, { user_id: 'u' });
        await sessions.add(caller, { session_id: 's', user_id: 'u' });
        await sessions.delete(caller, 's');
        clock.now += 1;
        await users.delete(caller, 'u');
        return sessions.updateMetadata(caller, 's', {});
      },
    },
  },
  session_exists: {
    'of a live session': {
      code: 'ALREADY_EXISTS',
      fact: { kind: 'session_exists', session_id: 's', deletion: undefined },
      async call({ caller, sessions }) {
        await sessions.add(caller, { session_id: 's' });
        return sessions.add(caller, { session_id: 's' });
      },
    },
    'of a deleted session': {
      code: 'ALREADY_EXISTS',
      fact: { kind: 'session_exists', session_id: 's', deletion },
      async call({ caller, sessions }) {
        await sessions.add(caller, { session_id: 's' });
        await sessions.delete(caller, 's');
        return sessions.add(caller, { session_id: 's' });
      },
    },
  },
  session_forbidden: {
    'to a pinned caller': {
      code: 'PERMISSION_DENIED',
      fact: { kind: 'session_forbidden', session_id: 's', prefix: 'a%2Fb/' },
      call: ({ pinned, memory }) => memory.add(pinned('a/b'), 's', numberedMessages(1)),
    },
  },
  user_not_found: {
    'of a user that never existed': {
      code: 'NOT_FOUND',
      fact: { kind: 'user_not_found', user_id: 'u', deletion: undefined },
      call: ({ caller, sessions }) => sessions.add(caller, { session_id: 's', user_id: 'u' }),
    },
    'of a deleted user': {
      code: 'NOT_FOUND',
      fact: { kind: 'user_not_found', user_id: 'u', deletion },
      async call({ caller, users }) {
        await users.add(caller, { user_id: 'u' });
        await users.delete(caller, 'u');
        return users.update(caller, 'u', {});
      },
    },
  },
  user_exists: {
    'of a live user': {
      code: 'ALREADY_EXISTS',
      fact: { kind: 'user_exists', user_id: 'u', deletion: undefined },
      async call({ caller, users }) {
        await users.add(caller, { user_id: 'u' });
        return users.add(caller, { user_id: 'u' });
      },
    },
    'of a deleted user': {
      code: 'ALREADY_EXISTS',
      fact: { kind: 'user_exists', user_id: 'u', deletion },
      async call({ caller, users }) {
        await users.add(caller, { user_id: 'u' });
        await users.delete(caller, 'u');
        return users.add(caller, { user_id: 'u' });
      },
    },
  },
  users_forbidden: {
    'to a pinned caller': {
      code: 'PERMISSION_DENIED',
      fact: { kind: 'users_forbidden' },
      call: ({ pinned, users }) => users.add(pinned('u'), { user_id: 'u' }),
    },
  },
  message_not_found: {
    'of a message of a live session': {
      code: 'NOT_FOUND',
      fact: { kind: 'message_not_found', session_id: 's', uuid: UUID },
      async call({ caller, memory }) {
        await memory.add(caller, 's', numberedMessages(1));
        return memory.updateMetadata(caller, 's', UUID, {});
      },
    },
  },
  session_has_user: {
    'of another user': {
      code: 'ALREADY_EXISTS',
      fact: { kind: 'session_has_user', session_id: 's', user_id: 'u' },
      async call({ caller, sessions, users }) {
        await users.add(caller, { user_id: 'u' });
        await users.add(caller, { user_id: 'v' });
        await sessions.add(caller, { session_id: 's', user_id: 'u' });
        return sessions.update(caller, 's', { user_id: 'v' });
      },
    },
  },
  message_ahead: {
    'six minutes ahead': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'message_ahead', index: 1, created_at: AHEAD, now: expect.any(String) },
      call: ({ caller, memory }) =>
        memory.add(caller, 's', [
          { role: 'user', content: 'a' },
          { role: 'user', content: 'b', created_at: AHEAD },
        ]),
    },
  },
  messages_not_found: {
    'that never were': {
      code: 'NOT_FOUND',
      fact: { kind: 'messages_not_found', session_id: 's', uuids: [UUID] },
      async call({ caller, memory }) {
        const { messages } = await memory.add(caller, 's', numberedMessages(1));
        return memory.delete(caller, 's', [messages[0]?.uuid as string, UUID]);
      },
    },
  },
  facts_not_found: {
    'of a user who has none': {
      code: 'NOT_FOUND',
      fact: { kind: 'facts_not_found', uuids: [UUID] },
      async call({ caller, users, facts }) {
        await users.add(caller, { user_id: 'u' });
        await facts.update(caller, 'u', UUID, {});
      },
    },
    'to be deleted, of a user who has none': {
      code: 'NOT_FOUND',
      fact: { kind: 'facts_not_found', uuids: [UUID] },
      async call({ caller, users, facts }) {
        await users.add(caller, { user_id: 'u' });
        await facts.delete(caller, 'u', [UUID]);
      },
    },
    'of a deleted fact': {
      code: 'NOT_FOUND',
      fact: { kind: 'facts_not_found', uuids: [expect.any(String)], deletion },
      async call(at) {
        const uuid = await addFact(at);
        await at.facts.delete(at.caller, 'u', [uuid]);
        return at.facts.update(at.caller, 'u', uuid, {});
      },
    },
    'of an entity': {
      code: 'NOT_FOUND',
      fact: { kind: 'facts_not_found', uuids: [expect.any(String)] },
      async call(at) {
        const fact = await addFact(at);
        const { entity } = await at.facts.getEntity(at.caller, 'u', { name: 'Ada' });
        return at.facts.delete(at.caller, 'u', [fact, entity.uuid]);
      },
    },
  },
  fact_times_reversed: {
    'of one of the facts of a call': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'fact_times_reversed', index: 1, valid_at: PURGE_AT, invalid_at: DELETED_AT },
      async call({ caller, users, facts }) {
        await users.add(caller, { user_id: 'u' });
        const wrong = { ...LIVES, valid_at: PURGE_AT, invalid_at: DELETED_AT };
        return facts.add(caller, 'u', [LIVES, wrong]);
      },
    },
    'of a fact that is changed': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'fact_times_reversed', valid_at: PURGE_AT, invalid_at: DELETED_AT },
      async call(at) {
        const uuid = await addFact(at, { valid_at: PURGE_AT });
        return at.facts.update(at.caller, 'u', uuid, { invalid_at: DELETED_AT });
      },
    },
  },
  fact_supersedes_itself: {
    'of a fact that is known already': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'fact_supersedes_itself', index: 0, uuid: expect.any(String) },
      async call(at) {
        const uuid = await addFact(at);
        return at.facts.add(at.caller, 'u', [{ ...LIVES, supersedes: [uuid] }]);
      },
    },
  },
  too_many_superseded: {
    'by the facts of one call': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'too_many_superseded', count: 101, max: 100 },
      async call({ caller, users, facts }) {
        await users.add(caller, { user_id: 'u' });
        const uuids = Array.from({ length: 101 }, () => randomUUID());
        const [first, second] = [uuids.slice(0, 60), uuids.slice(50)];
        return facts.add(caller, 'u', [
          { ...LIVES, supersedes: first },
          { ...LIVES, object: 'Porto', supersedes: second },
        ]);
      },
    },
  },
  entity_not_found: {
    'of a user who has none': {
      code: 'NOT_FOUND',
      fact: { kind: 'entity_not_found', name: 'Lisbon' },
      async call({ caller, users, facts }) {
        await users.add(caller, { user_id: 'u' });
        await facts.getEntity(caller, 'u', { name: 'Lisbon' });
      },
    },
    'of a deleted entity': {
      code: 'NOT_FOUND',
      fact: {
        ...{ kind: 'entity_not_found', name: 'LISBON' },
        deletion: { ...deletion, uuid: expect.any(String) },
      },
      async call(at) {
        await addFact(at);
        await at.facts.deleteEntity(at.caller, 'u', { name: 'Lisbon' });
        await at.facts.getEntity(at.caller, 'u', { name: 'LISBON' });
      },
    },
  },
  duplicate_uuids: {
    'of one call': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'duplicate_uuids' },
      call: ({ caller, memory }) =>
        memory.add(
          caller,
          's',
          numberedMessages(2).map((message) => ({ ...message, uuid: UUID })),
        ),
    },
  },
  append_outcome_unknown: {
    'of an append whose answer is lost': {
      code: 'UNAVAILABLE',
      fact: {
        kind: 'append_outcome_unknown',
        code: 'UNAVAILABLE',
        problem: 'The answer is lost.',
        uuids: [UUID, expect.any(String)],
      },
      async call({ caller, store, memory }) {
        const unanswered = createServices({
          ...store,
          messages: {
            ...store.messages,
            async append(...args) {
              await store.messages.append(...args);
              const options = { outcomeUnknown: true };
              throw new DomainError('UNAVAILABLE', `The answer is lost. ${REPEAT}`, options);
            },
          },
        });
        const [first, second] = numberedMessages(2) as [{ role: string; content: string }, never];
        const added = [{ ...first, uuid: UUID }, second];
        const call = unanswered.memory.add(caller, 's', added);
        const { fact } = (await call.catch((error) => error)) as { fact: { uuids: string[] } };
        // With the uuids of the fact, the repetition stores nothing twice.
        const uuids = fact.uuids;
        const repeated = added.map((message, i) => ({ ...message, uuid: uuids[i] }));
        const { session, messages } = await memory.add(caller, 's', repeated);
        expect(session.message_count).toBe(2);
        expect(messages.map(({ status }) => status)).toStrictEqual(['updated', 'updated']);
        return call;
      },
    },
  },
  nothing_to_summarize: {
    'of a session without messages': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'nothing_to_summarize' },
      async call({ caller, sessions, memory }) {
        await sessions.add(caller, { session_id: 's' });
        return memory.summarize(caller, 's', { content: 'x', up_to_seq: 1 });
      },
    },
  },
  summary_out_of_range: {
    'behind the last message': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'summary_out_of_range', up_to_seq: 4, min_seq: 1, max_seq: 3 },
      async call({ caller, memory }) {
        await memory.add(caller, 's', numberedMessages(3));
        return memory.summarize(caller, 's', { content: 'x', up_to_seq: 4 });
      },
    },
    'before the end of the newest summary': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'summary_out_of_range', up_to_seq: 1, min_seq: 2, max_seq: 3 },
      async call({ caller, memory }) {
        await memory.add(caller, 's', numberedMessages(3));
        await memory.summarize(caller, 's', { content: 'x', up_to_seq: 2 });
        return memory.summarize(caller, 's', { content: 'x', up_to_seq: 1 });
      },
    },
  },
  filtered_list_is_not_counted: {
    'with page numbers': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'filtered_list_is_not_counted' },
      call: ({ caller, users }) =>
        users.list(caller, {
          ...{ order_by: 'created_at', order: 'asc', deleted: 'exclude' },
          ...{ query: 'ada', page_number: 2 },
        }),
    },
  },
  search_in_session_and_user: {
    'of a search in both': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'search_in_session_and_user' },
      call: ({ caller, search }) =>
        search.search(caller, { query: 'x', session_id: 's', user_id: 'u' }),
    },
  },
  search_since_after_until: {
    'of a search of no time': {
      code: 'INVALID_ARGUMENT',
      fact: { kind: 'search_since_after_until' },
      call: ({ caller, search }) =>
        search.search(caller, { query: 'x', since: PURGE_AT, until: DELETED_AT }),
    },
  },
  search_cannot_continue: {
    'of the next page, without the endpoint that ranked the first': {
      code: 'UNAVAILABLE',
      fact: { kind: 'search_cannot_continue' },
      async call({ caller, store, memory }) {
        const endpoint = await startEmbeddingsServer();
        try {
          const embedder = createEmbedder({ url: endpoint.url, model: endpoint.model });
          const embeddings: Embeddings = {
            model: embedder.model,
            offer: () => {},
            question: async (text) => quantize((await embedder.embed([text]))[0] as Float32Array),
          };
          const { search } = createServices(store, undefined, { embeddings });
          await memory.add(caller, 's', numberedMessages(3));
          const query = { query: 'message', limit: 1 };
          const { mode, next_cursor: cursor } = await search.search(caller, query);
          expect(mode).toBe('hybrid');
          endpoint.behaviour = { status: 401 };
          return await search.search(caller, { ...query, cursor });
        } finally {
          await endpoint.close();
        }
      },
    },
  },
  long_reads_queue_timeout: {
    'of a read whose turn does not come': {
      code: 'RESOURCE_EXHAUSTED',
      fact: { kind: 'long_reads_queue_timeout', waited_ms: 20_000 },
      async call({ caller, store, search, longReads }) {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
        for (let running = 0; running < store.longReads; running++) {
          longReads.run(`another ${running}`, store.longReads, () => new Promise(() => {}));
        }
        const call = search.search(caller, { query: 'x' });
        const rejection = expect(call).rejects.toThrow();
        await new Promise(setImmediate);
        vi.advanceTimersByTime(20_000);
        await rejection;
        return call;
      },
    },
  },
};

const ALL = Object.values(SITUATIONS).flatMap((situations) =>
  Object.entries(situations as Record<string, Situation>).map(
    ([name, situation]) => [situation.fact.kind, name, situation] as const,
  ),
);

describeServices('a refused call', (at) => {
  afterEach(() => void vi.useRealTimers());

  it.each(ALL)('says %s %s, as a fact and not as a text', async (kind, _, { code, fact, call }) => {
    const error: unknown = await call(at).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ name: 'ServiceError', code });
    expect((error as ServiceError).fact).toEqual(fact);
    expect((error as ServiceError).message).toBe(kind.replaceAll('_', ' '));
  });
});

describeServices('an append whose outcome is unknown', (at) => {
  it('stays the error of the store if the caller has all uuids', async () => {
    const { caller, store } = at;
    const lost = new DomainError('UNAVAILABLE', 'The answer is lost.', { outcomeUnknown: true });
    const { memory } = createServices({
      ...store,
      messages: { ...store.messages, append: () => Promise.reject(lost) },
    });
    const messages = numberedMessages(2).map((message) => ({ ...message, uuid: randomUUID() }));
    await expect(memory.add(caller, 's', messages)).rejects.toBe(lost);
  });
});
