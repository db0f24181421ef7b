import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localPrincipal } from '../../../src/domain/principal.ts';
import type { ToolContext } from '../../../src/mcp/tool.ts';
import { addMemory } from '../../../src/mcp/tools/memory/add-memory.ts';
import type { Store } from '../../../src/store/port.ts';
import { type Harness, harness, SQLITE, type TestDatabase } from '../../support/stores.ts';

const caller = localPrincipal('n');
const PURGE_AT = '2100-01-08T00:00:00.000Z';

describe('the answer of add_memory to a deleted session', () => {
  let database: TestDatabase;
  let store: Store;
  let at: Harness;

  beforeEach(async () => {
    database = await SQLITE.create();
    store = await database.open();
    at = harness(store);
  });

  afterEach(async () => {
    await store.close();
    await database.remove();
  });

  const add = (count: number, tools: readonly string[] = []) => {
    const messages = Array.from({ length: count }, () => ({ role: 'user', content: 'x' }));
    const context = { ...at, caller, offers: (name: string) => tools.includes(name) };
    return addMemory.run({ session_id: 's', messages }, context as unknown as ToolContext);
  };

  it('advises restore_session to callers who have it, and to nobody else', async () => {
    for (const [tools, advice] of [
      [['restore_session'], expect.stringContaining(`call restore_session until ${PURGE_AT}`)],
      [['get_memory'], undefined],
    ] as const) {
      await add(1);
      await at.sessions.delete(caller, 's');
      const answer = await add(1, tools);
      expect(answer).toMatchObject({ revived: true, purge_at: PURGE_AT });
      expect(answer.advice).toEqual(advice);
    }
  });

  it('advises a summary, too, where one is due', async () => {
    await add(1);
    await at.sessions.delete(caller, 's');
    const { advice } = await add(30, ['restore_session', 'set_summary']);
    expect(advice).toMatch(/its 1 earlier message stays deleted.*restore_session.*set_summary/);
  });

  it('advises nothing where no message stays deleted', async () => {
    await at.sessions.add(caller, { session_id: 's' });
    await at.sessions.delete(caller, 's');
    const answer = await add(1, ['restore_session']);
    expect(answer).toMatchObject({ revived: true, deleted_message_count: 0 });
    expect(answer).not.toHaveProperty('advice');
    expect(answer).not.toHaveProperty('purge_at');
  });
});
