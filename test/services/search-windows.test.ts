import { describe, expect, it } from 'vitest';
import { digestOf, quantize } from '../../src/search/vectors.ts';
import type { SearchInput } from '../../src/services/search/results.ts';
import { createServices } from '../support/stores.ts';
import { describeServices } from './describe-services.ts';

type Services = Pick<ReturnType<typeof createServices>, 'search'>;

/** The cursor of a search goes through several rankings, one behind the other. */
describeServices('the pages of a search', (at) => {
  const place = ({ message }: { message: { session_id: string; seq: number } }) =>
    `${message.session_id} ${message.seq}`;

  /** The hits of all pages. @param between is done behind the first page */
  async function everything(
    services: Services,
    input: SearchInput,
    between: () => Promise<unknown> = async () => {},
  ): Promise<string[]> {
    const first = await services.search.search(at.caller, input);
    await between();
    const found = first.hits.map(place);
    let cursor = first.next_cursor;
    while (cursor !== undefined) {
      const page = await services.search.search(at.caller, { ...input, cursor });
      found.push(...page.hits.map(place));
      cursor = page.next_cursor;
    }
    return found;
  }

  const said = (content: string, more: object = {}) => ({ role: 'user', content, ...more });
  const LONG = 'with many other words that make it long and go on and on';

  it('reach every match, each once, also where meanings are compared', async () => {
    const vector = (...numbers: number[]) => quantize(new Float32Array(numbers));
    const embeddings = { model: 'm', offer() {}, question: async () => vector(1, 0, 0) };
    const services = createServices(at.store, undefined, { embeddings });
    const messages = Array.from({ length: 1000 }, (_, i) => said(`kettle row ${i}`));
    const { session } = await services.memory.add(at.caller, 's', messages);
    const { namespace } = at.caller;
    for (let begin = 0; begin < 1000; begin += 100) {
      const vectors = messages.slice(begin, begin + 100).map(({ content }, i) => ({
        namespace,
        place: { session_id: 's', session_uuid: session.uuid, seq: begin + i + 1 },
        digest: digestOf(content),
        vector: vector(Math.sin(begin + i), Math.cos(begin + i), 0.3),
      }));
      await at.store.vectors.put('m', vectors);
    }
    const found = await everything(services, { query: 'kettle', limit: 100 });
    expect(found).toHaveLength(1000);
    expect(new Set(found).size).toBe(1000);
  });

  it('refuse a cursor that somebody has changed', async () => {
    await at.memory.add(at.caller, 's', [said('kettle one'), said('kettle two')]);
    const { next_cursor = '' } = await at.search.search(at.caller, { query: 'kettle', limit: 1 });
    const [mark, value] = JSON.parse(Buffer.from(next_cursor, 'base64url').toString());
    for (const key of [
      '',
      '{',
      '7',
      '[]',
      '["x",1,""]',
      '["lexical",1.5,""]',
      '["lexical",1,7]',
      '["lexical",1,"",["x"]]',
      '["lexical",1,"",[{}]]',
      '["lexical",1,"",null,["1; DROP"]]',
      JSON.stringify(['lexical', 1, '', Array(33).fill(null)]),
    ]) {
      const cursor = Buffer.from(JSON.stringify([mark, value, key])).toString('base64url');
      await expect(
        at.search.search(at.caller, { query: 'kettle', limit: 1, cursor }),
        key,
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    const far = JSON.stringify(['lexical', 9e15, 'x', ['9999999999999999'], ['-9999999999999999']]);
    const cursor = Buffer.from(JSON.stringify([mark, value, far])).toString('base64url');
    await at.search.search(at.caller, { query: 'kettle', limit: 1, cursor });
  });

  describe('lose and repeat nothing', () => {
    it('while messages are deleted', async () => {
      const old = Array.from({ length: 60 }, () => said('kettle kettle kettle'));
      await at.memory.add(at.caller, 's', old);
      at.clock.now += 1000;
      const newer = Array.from({ length: 240 }, (_, i) => said(`kettle ${LONG} ${i}`));
      const { messages } = await at.memory.add(at.caller, 's', newer);
      at.clock.now += 1000;
      const uuids = messages.slice(0, 50).map(({ uuid }) => uuid);
      const found = await everything(at, { query: 'kettle', limit: 100 }, () =>
        at.memory.delete(at.caller, 's', uuids),
      );
      expect(new Set(found).size).toBe(found.length);
      for (let seq = 1; seq <= 60; seq++) expect(found).toContain(`s ${seq}`);
    });

    it('while messages of earlier times are added', async () => {
      const row = (i: number, content: string) =>
        said(content, { created_at: new Date(Date.UTC(2024, 0, 1) + i * 1000).toISOString() });
      const rows = Array.from({ length: 250 }, (_, i) =>
        row(i, i < 60 ? 'kettle kettle kettle' : `kettle ${LONG} ${i}`),
      );
      await at.memory.add(at.caller, 's', rows);
      const imported = Array.from({ length: 40 }, (_, i) => row(100 + i, `kettle ${LONG}`));
      const found = await everything(at, { query: 'kettle', limit: 60 }, () =>
        at.memory.add(at.caller, 'imported', imported),
      );
      expect(new Set(found).size).toBe(found.length);
      for (let seq = 1; seq <= 250; seq++) expect(found).toContain(`s ${seq}`);
    });
  });
});
