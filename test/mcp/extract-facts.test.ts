import { expect, it } from 'vitest';
import { localPrincipal } from '../../src/domain/principal.ts';
import { extractFacts } from '../../src/mcp/prompts/extract-facts.ts';
import { describeServices } from '../services/describe-services.ts';

describeServices('the prompt extract_facts', (at) => {
  const text = () =>
    extractFacts.text('ada', { ...at, caller: localPrincipal(at.caller.namespace) });

  it('has the messages that no fact names as its source, by session', async () => {
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

  it('says so where there are none', async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    expect(await text()).toContain('there is nothing to do');
  });
});
