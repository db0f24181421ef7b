import { describe, expect, it } from 'vitest';
import { shownSpeaker, storedSpeaker } from '../../src/domain/speakers.ts';

describe('a speaker', () => {
  it.each([
    [
      { role: 'Ada', role_type: 'user' },
      { role: 'user', parts: [{ name: 'Ada' }] },
    ],
    [
      { role: 'user', role_type: 'user' },
      { role: 'user', parts: [{ name: 'user' }] },
    ],
    [{ role_type: 'tool' }, { role: 'tool' }],
    [{ role: 'Ada' }, { role: 'norole', parts: [{ name: 'Ada' }] }],
    [{ role: 'human' }, { role: 'user', parts: [{ name: 'human' }] }],
    [{}, { role: 'norole' }],
  ] as const)('%o is stored as %o', (given, stored) => {
    expect(storedSpeaker(given)).toStrictEqual(stored);
  });

  it.each([
    { role: 'Ada', role_type: 'user' },
    { role: 'user', role_type: 'user' },
    { role: undefined, role_type: 'assistant' },
    { role: 'Human', role_type: 'user' },
    { role: 'Ada', role_type: 'norole' },
  ] as const)('%o is shown as it was sent', (speaker) => {
    expect(shownSpeaker(storedSpeaker(speaker))).toStrictEqual(speaker);
  });

  it('whose role is no type has it as a name', () => {
    expect(shownSpeaker({ role: 'narrator' })).toStrictEqual({
      ...{ role: 'narrator', role_type: 'norole' },
    });
    expect(shownSpeaker({ role: 'AI' })).toStrictEqual({ role: 'AI', role_type: 'assistant' });
  });
});
