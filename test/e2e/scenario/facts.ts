import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { MatrixCase } from './matrix-case.ts';

const LIVES = {
  subject: 'Ada',
  predicate: 'LIVES_IN',
  object: 'Lisbon',
  fact: 'Ada is in Lisbon.',
};
const LIKES = { subject: 'Ada', predicate: 'LIKES', object: 'tea', fact: 'Ada likes green tea.' };
const MOVED = { subject: 'Ada', predicate: 'LIVES_IN', object: 'Porto', fact: 'Ada is in Porto.' };

/** What is known about a user: facts and entities. */
export function facts(matrixCase: MatrixCase): void {
  /** Adds facts about a new user. Returns the user and the uuids of the facts. */
  async function known(...added: object[]) {
    const { user_id } = await matrixCase.addUser();
    const answer = await matrixCase.call('add_facts', { user_id, facts: added });
    return { user_id, uuids: answer.facts.map(({ uuid }: { uuid: string }) => uuid) as string[] };
  }
  const textsOf = async (user_id: string, args: Record<string, unknown> = {}) =>
    (await matrixCase.call('search_facts', { user_id, ...args })).facts.map(
      ({ fact }: { fact: string }) => fact,
    );

  it('adds facts, which are one if they are known, and is told of what may contradict them', async () => {
    const { user_id } = await matrixCase.addUser();
    const session_id = randomUUID();
    const messages = [{ role: 'user', content: 'I live in Lisbon.' }];
    const said = await matrixCase.call('add_memory', { session_id, user_id, messages });
    const source = { session_id, uuids: [said.messages[0].uuid] };
    const added = await matrixCase.call('add_facts', { user_id, facts: [LIVES, LIKES], source });
    expect(added).toEqual({
      facts: [
        { uuid: expect.any(String), status: 'created' },
        { uuid: expect.any(String), status: 'created' },
      ],
      new_entities: ['Ada', 'Lisbon', 'tea'],
    });
    const [{ uuid }] = added.facts;
    const again = await matrixCase.call('add_facts', {
      ...{ user_id, facts: [{ ...LIVES, fact: 'ada is in Lisbon' }, MOVED] },
    });
    const shown = { uuid, ...LIVES, sources: [source] };
    expect(again).toEqual({
      facts: [
        { uuid, status: 'existing' },
        { uuid: expect.any(String), status: 'created', conflicts: [uuid] },
      ],
      ...{ known: [shown], new_entities: ['Porto'] },
    });
    const found = await matrixCase.call('search_facts', { user_id, query: 'Where, in Lisbon?' });
    expect(found.facts).toContainEqual(shown);
    await matrixCase.call('delete_session', { session_id });
    expect((await matrixCase.call('search_facts', { user_id })).facts).toContainEqual(shown);
  });

  it('is advised once for each session to draw facts, until they were', async () => {
    const { user_id } = await matrixCase.addUser();
    const session_id = randomUUID();
    const messages = [
      { role: 'user', content: 'I live in Lisbon.' },
      { role: 'assistant', content: 'Good.' },
    ];
    const said = await matrixCase.call('add_memory', { session_id, user_id, messages });
    const { advice } = await matrixCase.call('get_memory', { session_id });
    expect(advice).toContain('2 messages');
    expect(advice).toContain(`${JSON.stringify(session_id)} from_seq 1`);
    expect(await matrixCase.call('get_memory', { session_id })).not.toHaveProperty('advice');
    const uuids = [said.messages[1].uuid];
    const source = { session_id, uuids };
    expect(await matrixCase.call('add_facts', { user_id, facts: [], source })).toEqual({
      facts: [],
    });
    const later = randomUUID();
    await matrixCase.call('add_session', { session_id: later, user_id });
    const resumed = await matrixCase.call('get_memory', { session_id: later });
    expect(resumed).not.toHaveProperty('advice');
  });

  it('ends a fact by another one, and still finds it for its time', async () => {
    const { user_id, uuids } = await known({ ...LIVES, valid_at: '2025-01-01' });
    const moved = { ...MOVED, valid_at: '2026-03-01', supersedes: uuids };
    const { facts: added } = await matrixCase.call('add_facts', { user_id, facts: [moved] });
    expect(added).toEqual([{ uuid: expect.any(String), status: 'created' }]);
    expect(await textsOf(user_id)).toEqual([MOVED.fact]);
    expect(await textsOf(user_id, { as_of: '2026-02-28' })).toEqual([LIVES.fact]);
    const all = await matrixCase.call('search_facts', { user_id, include_ended: true });
    expect(all.facts).toEqual([
      { uuid: added[0].uuid, ...MOVED, valid_at: '2026-03-01T00:00:00.000Z' },
      {
        ...{ uuid: uuids[0], ...LIVES, valid_at: '2025-01-01T00:00:00.000Z' },
        ...{ invalid_at: '2026-03-01T00:00:00.000Z', superseded_by: added[0].uuid },
      },
    ]);
  });

  it('finds facts of an entity, by its name, and meets each once, newest first', async () => {
    const many = Array.from({ length: 5 }, (_, i) => ({ ...LIKES, fact: `Tea number ${i}.` }));
    const { user_id } = await known(LIVES, ...many);
    expect(await textsOf(user_id, { entity: 'lisbon' })).toEqual([LIVES.fact]);
    const { records, pages } = await matrixCase.everything('get_entity', 'facts', {
      ...{ user_id, name: ' TEA.', limit: 2 },
    });
    expect(records.map(({ fact }) => fact)).toEqual(many.map(({ fact }) => fact).reverse());
    expect(pages).toEqual([2, 2, 1]);
    const { entity } = await matrixCase.call('get_entity', { user_id, name: 'tea' });
    expect(entity).toEqual({ uuid: expect.any(String), name: 'tea' });
    const missing = { user_id, name: 'Faro' };
    expect(await matrixCase.refused('get_entity', missing, 'NOT_FOUND')).toContain('search_facts');
  });

  it('corrects a fact, and removes a time', async () => {
    const { user_id, uuids } = await known({ ...LIVES, valid_at: '2025-01-01' });
    const update = { user_id, uuid: uuids[0], fact: 'Ada has a flat there.', valid_at: null };
    const { fact } = await matrixCase.call('update_fact', { ...update, invalid_at: '2025-06' });
    const { valid_at: _, fact: __, ...rest } = { ...LIVES, valid_at: '' };
    expect(fact).toEqual({
      ...{ uuid: uuids[0], ...rest, fact: 'Ada has a flat there.' },
      invalid_at: '2025-06-30T23:59:59.999Z',
    });
    expect(await textsOf(user_id)).toEqual([]);
    expect(await textsOf(user_id, { as_of: '2025-06-01' })).toEqual([update.fact]);
    const reversed = { user_id, uuid: uuids[0], valid_at: '2026-01-01' };
    const message = await matrixCase.refused('update_fact', reversed, 'INVALID_ARGUMENT');
    expect(message).toContain('earlier than valid_at');
  });

  it('forgets facts, and gets them back', async () => {
    const { user_id, uuids } = await known(LIVES, LIKES);
    const [uuid] = uuids as [string];
    const deletion = await matrixCase.call('delete_facts', { user_id, uuids: [uuid] });
    expect(deletion).toEqual({ deleted_count: 1, purge_at: expect.any(String) });
    expect(await textsOf(user_id)).toEqual([LIKES.fact]);
    const refusal = await matrixCase.refused('update_fact', { user_id, uuid }, 'NOT_FOUND');
    expect(refusal).toContain('restore_facts');
    expect(await matrixCase.call('restore_facts', { user_id, uuids: [uuid] })).toEqual({
      restored_count: 1,
    });
    expect(await textsOf(user_id)).toEqual([LIKES.fact, LIVES.fact]);
    const unknown = { user_id, uuids: [uuid, randomUUID()] };
    await matrixCase.refused('delete_facts', unknown, 'NOT_FOUND');
    expect(await textsOf(user_id)).toHaveLength(2);
  });

  it('forgets an entity with the facts about it, and gets all of it back', async () => {
    const { user_id, uuids } = await known(LIVES, LIKES);
    const { name, ...deletion } = await matrixCase.call('delete_entity', {
      ...{ user_id, name: 'lisbon' },
    });
    expect(name).toBe('Lisbon');
    expect(deletion).toEqual({
      uuids: [uuids[0], expect.any(String)],
      purge_at: expect.any(String),
    });
    expect(await textsOf(user_id)).toEqual([LIKES.fact]);
    const refusal = await matrixCase.refused('get_entity', { user_id, name }, 'NOT_FOUND');
    expect(refusal).toContain(deletion.uuids[1]);
    await matrixCase.call('restore_facts', { user_id, uuids: deletion.uuids });
    expect(await textsOf(user_id, { entity: name })).toEqual([LIVES.fact]);
  });

  it('reads them as a document, and is handed the messages that none was drawn from', async () => {
    const { user_id } = await known(LIVES, { ...LIKES, valid_at: '2025-01-01' });
    const { client } = matrixCase;
    expect(await client.readResource(`user://${user_id}/facts`)).toBe(
      `# Facts about ${user_id}\n\n## Ada\n\n- ${LIKES.fact} (since 2025-01-01)\n- ${LIVES.fact}\n`,
    );
    const session_id = randomUUID();
    const messages = ['I have a cat.', 'I have a dog.'].map((content) => ({
      role: 'user',
      content,
    }));
    const { messages: said } = await matrixCase.call('add_memory', {
      ...{ session_id, user_id, messages },
    });
    const cat = { subject: 'Ada', predicate: 'HAS', object: 'cat', fact: 'Ada has a cat.' };
    const source = { session_id, uuids: [said[0].uuid] };
    await matrixCase.call('add_facts', { user_id, facts: [cat], source });
    const text = await client.getPrompt('extract_facts', { user_id });
    for (const part of ['I have a dog.', said[1].uuid, session_id, 'not instructions']) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('I have a cat.');
  });

  it('has them go and come back with the user', async () => {
    const { user_id } = await known(LIVES, LIKES);
    const deletion = await matrixCase.call('delete_user', { user_id });
    expect(deletion).toMatchObject({ deleted_session_count: 0 });
    for (const [tool, args] of [
      ['search_facts', {}],
      ['add_facts', { facts: [MOVED] }],
      ['get_entity', { name: 'Ada' }],
    ] as const) {
      const message = await matrixCase.refused(tool, { user_id, ...args }, 'NOT_FOUND');
      expect(message).toContain('restore_user');
    }
    await matrixCase.call('restore_user', { user_id });
    expect(await textsOf(user_id)).toEqual([LIKES.fact, LIVES.fact]);
  });
}
