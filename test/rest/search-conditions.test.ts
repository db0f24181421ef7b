import { expect, it } from 'vitest';
import { describeRest } from './describe-rest.ts';

describeRest('a search of the second generation', ({ send }) => {
  const found = async (conditions: object) => {
    const body = { text: 'Lisbon', ...conditions };
    const answer = await send('POST', '/api/v2/sessions/search', body);
    const { results } = answer.body as { results: { session_id: string }[] };
    return [...new Set(results.map(({ session_id }) => session_id))].toSorted();
  };

  it('finds what meets all of its conditions: sessions and user', async () => {
    for (const user_id of ['ada', 'bob']) {
      await send('POST', '/api/v2/users', { user_id });
      for (const session_id of [`${user_id}1`, `${user_id}2`]) {
        await send('POST', '/api/v2/sessions', { session_id, user_id });
        const messages = [{ role_type: 'user', content: 'I moved to Lisbon' }];
        await send('POST', `/api/v2/sessions/${session_id}/memory`, { messages });
        const summary = { messages: [{ role: 'user', content: 'x' }], summary: { content: 'x' } };
        await send('POST', `/api/v1/sessions/${session_id}/memory`, summary);
      }
    }
    for (const search_scope of ['messages', 'summary']) {
      const search = (conditions: object) => found({ search_scope, ...conditions });
      expect(await search({})).toStrictEqual(['ada1', 'ada2', 'bob1', 'bob2']);
      expect(await search({ user_id: 'ada' })).toStrictEqual(['ada1', 'ada2']);
      expect(await search({ user_id: 'ada', session_ids: [] })).toStrictEqual(['ada1', 'ada2']);
      expect(await search({ session_ids: ['ada1', 'bob1'] })).toStrictEqual(['ada1', 'bob1']);
      const both = { user_id: 'ada', session_ids: ['ada1', 'bob1'] };
      expect(await search(both)).toStrictEqual(['ada1']);
      expect(await search({ user_id: 'ada', session_ids: ['bob1'] })).toStrictEqual([]);
    }
  });

  it('by metadata that only the old server had finds nothing', async () => {
    const messages = [{ role_type: 'user', content: 'I moved to Lisbon' }];
    await send('POST', '/api/v2/sessions/s/memory', { messages });
    const jsonpath = '$.system.entities[*] ? (@.Label == "GPE")';
    for (const where of [{ jsonpath }, { and: [{ jsonpath }] }]) {
      const body = { text: 'Lisbon', metadata: { where } };
      const answer = await send('POST', '/api/v1/sessions/s/search', body);
      expect(answer).toEqual({ status: 200, body: [] });
    }
  });
});
