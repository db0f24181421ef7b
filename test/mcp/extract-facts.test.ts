import { expect, it } from 'vitest';
import { localPrincipal } from '../../src/domain/principal.ts';
import { extractFacts } from '../../src/mcp/prompts/extract-facts.ts';
import { describeServices } from '../services/describe-services.ts';

describeServices('the prompt extract_facts', (at) => {
  const text = () =>
    extractFacts.text('ada', { ...at, caller: localPrincipal(at.caller.namespace) });

  it('has the messages behind the last one from which facts were drawn, by session', async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
    const { messages } = await at.memory.add(at.caller, 's', [
      { role: 'user', content: 'I live in Lisbon' },
      { role: 'user', content: 'I work at Acme' },
    ]);
    const [first] = messages.map(({ uuid }) => uuid);
    expect(await text()).toMatch(/I live in Lisbon.*I work at Acme/s);
    const fact = {
      subject: 'Ada',
      predicate: 'LIVES_IN',
      object: 'Lisbon',
      fact: 'Ada lives in Lisbon',
    };
    await at.facts.add(at.caller, 'ada', [fact], { session_id: 's', uuids: [first as string] });
    const after = await text();
    expect(after).toContain('I work at Acme');
    expect(after).not.toContain('I live in Lisbon');
  });

  it('has the oldest of them first, and those of the next call are behind the last one read', async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
    const said = Array.from({ length: 70 }, (_, i) => ({ role: 'user', content: `word${i}end` }));
    const { messages } = await at.memory.add(at.caller, 's', said);
    const first = await text();
    expect(first).toContain('word0end');
    const shown = messages.filter((_, i) => first.includes(`word${i}end`));
    expect(shown.length).toBeLessThan(70);
    const last = shown.at(-1)?.uuid as string;
    await at.facts.add(at.caller, 'ada', [], { session_id: 's', uuids: [last] });
    const second = await text();
    expect(second).not.toContain(`word${shown.length - 1}end`);
    expect(second).toContain(`word${shown.length}end`);
    expect(second).toContain('word69end');
  });

  it('has one message at least, however long it is', async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
    const long = { role: 'user', content: `begin ${'long '.repeat(20_000)}` };
    await at.memory.add(at.caller, 's', [long, { role: 'user', content: 'second' }]);
    expect(await text()).toContain('begin long');
    expect(await text()).not.toContain('second');
  });

  it('says so where there are none', async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    expect(await text()).toContain('there is nothing to do');
  });
});
