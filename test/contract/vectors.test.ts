import { beforeEach, expect, it } from 'vitest';
import { digestOf, quantize } from '../../src/search/vectors.ts';
import type { UnembeddedMessage } from '../../src/store/search-port.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

describeStores('messages without a vector', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `vectors-${number++}` };
    at = harness(under.store);
  });

  const add = (session: string, ...contents: string[]) =>
    at.memory.add(
      caller,
      session,
      contents.map((content) => ({ role: 'user', content })),
    );

  /** Those of the caller's namespace, from pages that are smaller than what there is. */
  async function unembedded(model: string): Promise<UnembeddedMessage[]> {
    const all: UnembeddedMessage[] = [];
    let after: string | undefined;
    do {
      const { messages, next } = await under.store.vectors.unembedded(model, after, 2);
      all.push(...messages.filter(({ namespace }) => namespace === caller.namespace));
      after = next;
    } while (after !== undefined);
    return all;
  }
  const contents = async (model: string) => (await unembedded(model)).map(({ content }) => content);

  const embed = (model: string, messages: readonly UnembeddedMessage[]) =>
    under.store.vectors.put(
      model,
      messages.map(({ namespace, place, content }) => ({
        ...{ namespace, place, digest: digestOf(content) },
        vector: quantize(new Float32Array([1, 2, 3])),
      })),
    );

  it('are all in the beginning, with what they say and where they are', async () => {
    await add('s', 'one', '', 'three');
    expect(await unembedded('a')).toStrictEqual(
      ['one', '', 'three'].map((content, i) => ({
        namespace: caller.namespace,
        place: { session_id: 's', session_uuid: expect.any(String), seq: i + 1 },
        content,
      })),
    );
  });

  it('are those that have none of the model, whatever others have', async () => {
    await add('s', 'one', 'two', 'three', 'four', 'five');
    const all = await unembedded('a');
    await embed('a', [all[0], all[2], all[3]] as UnembeddedMessage[]);
    expect(await contents('a')).toStrictEqual(['two', 'five']);
    expect(await contents('b')).toStrictEqual(['one', 'two', 'three', 'four', 'five']);
    await embed('b', all);
    expect(await contents('b')).toStrictEqual([]);
    expect(await contents('a')).toStrictEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('are none of a session that is deleted, and of one that came back only the new', async () => {
    await add('deleted', 'gone');
    await at.sessions.delete(caller, 'deleted');
    await add('revived', 'left behind');
    await at.sessions.delete(caller, 'revived');
    await add('revived', 'new');
    expect(await contents('a')).toStrictEqual(['new']);
  });
});
