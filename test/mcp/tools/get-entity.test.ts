import { expect, it } from 'vitest';
import { localPrincipal } from '../../../src/domain/principal.ts';
import { getEntity } from '../../../src/mcp/tools/facts/get-entity.ts';
import { describeServices } from '../../services/describe-services.ts';

describeServices('get_entity', (at) => {
  it('shows the labels and the summary of an entity', async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    const lives = { subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada is there' };
    const details = [{ name: 'Lisbon', labels: ['City'], summary: 'On the Tagus' }];
    await at.facts.add(at.caller, 'ada', [lives], undefined, details);
    const context = { ...at, caller: localPrincipal(at.caller.namespace) };
    const shown = async (name: string) => {
      const answer = await getEntity.run({ user_id: 'ada', name }, context as never);
      return getEntity.output?.parse(answer).entity;
    };
    expect(await shown('lisbon')).toStrictEqual({
      ...{ uuid: expect.any(String), name: 'Lisbon', labels: ['City'], summary: 'On the Tagus' },
    });
    expect(await shown('ada')).toStrictEqual({ uuid: expect.any(String), name: 'Ada' });
  });
});
