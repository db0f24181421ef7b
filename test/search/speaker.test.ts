import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { termsOf } from '../../src/search/analyzer.ts';
import type { Candidate } from '../../src/search/candidate.ts';
import { askedMarkers, speakerFit, speakerMarkers } from '../../src/search/speaker.ts';

type Said = [role: string, content?: string];

/** Whom each message fits that is found for a question: 1 for the speaker asked about, -1 for another. */
function fits(question: string, ...said: Said[]): number[] {
  const wanted = new Set(askedMarkers(question));
  const candidates = said.map(([role, content = 'it rains'], i): Candidate => {
    const matched = termsOf({ role, content }).filter((term) => wanted.has(term));
    const place = { session_id: 's', session_uuid: 'u', seq: i + 1 };
    return { ...place, role, created_at: 0, matched, length: 5 };
  });
  const fitOf = speakerFit(question, candidates);
  return candidates.map(fitOf);
}

describe('a question asks for the words of', () => {
  it('the only one that it names, by role', () => {
    const said: Said[] = [['Caroline'], ['Melanie'], ['caroline '], ['Caroline Miller']];
    expect(fits('小明说了什么', ['小明'], ['小红'])).toStrictEqual([1, -1]);
    expect(fits('メアリーは何と言った', ['メアリー'], ['ジョン'])).toStrictEqual([1, -1]);
    expect(fits('What did Caroline say?', ...said)).toStrictEqual([1, -1, 1, 1]);
  });

  it('the one whose name stands in front of the text', () => {
    const said: Said[] = [
      ['user', 'Zoë: I went there'],
      ['user', 'Ben: so did I'],
      ['user', 'Note that: no name'],
    ];
    expect(fits('where did zoë go', ...said)).toStrictEqual([1, -1, -1]);
  });

  it('the user, who says "I", and the assistant, who is "you"', () => {
    const said: Said[] = [['user'], ['assistant'], [' Human'], ['AI'], ['tool']];
    const [byUser, byAssistant] = [
      [1, -1, 1, -1, -1],
      [-1, 1, -1, 1, -1],
    ];
    expect(fits('What did I say about my dog?', ...said)).toStrictEqual(byUser);
    expect(fits('Do you remember where I live?', ...said)).toStrictEqual(byUser);
    expect(fits('can you tell me my name', ...said)).toStrictEqual(byUser);
    expect(fits('What did you suggest for my trip?', ...said)).toStrictEqual(byAssistant);
    expect(fits('Which book did you’ve recommend', ...said)).toStrictEqual(byAssistant);
    expect(fits('What did the user say?', ...said)).toStrictEqual(byUser);
  });

  it('the one whom the other addresses by the name', () => {
    const said: Said[] = [
      ['user', 'I went there'],
      ['assistant', 'Hey Caroline! Good to see you'],
      ['assistant', 'That is great, Caroline! Go on'],
      ['user', 'Thanks, Max.'],
      ['user', 'Hi Max, it is me'],
    ];
    expect(fits('Where did Caroline go?', ...said)).toStrictEqual([1, -1, -1, 1, 1]);
    expect(fits('What did Max say?', ...said)).toStrictEqual([-1, 1, 1, -1, -1]);
    expect(fits('What did Max and Caroline do?', ...said)).toStrictEqual([0, 0, 0, 0, 0]);
  });
});

describe('nobody is asked for', () => {
  it.each([
    ['a question that names two', 'When did Caroline meet Melanie?'],
    ['a question that names none', 'When was the party?'],
    ['a question that names somebody who says nothing', 'When did Otto come?'],
    ['no question', ''],
  ])('by %s', (_by, question) => {
    expect(fits(question, ['Caroline'], ['Melanie'])).toStrictEqual([0, 0]);
  });

  it('by a name that both use, or that was used once', () => {
    const both: Said[] = [
      ['user', 'Hey Otto! Come'],
      ['assistant', 'Hey Otto! Come'],
    ];
    expect(fits('Where is Otto?', ...both, ...both)).toStrictEqual([0, 0, 0, 0]);
    expect(fits('Where is Otto?', ['user', 'Hey Otto! Come'], ['assistant'])).toStrictEqual([0, 0]);
  });
});

describe('the markers of a message', () => {
  it('are at most two, and no word of any text is one', () => {
    expect(speakerMarkers('Ben: Hey Zoë! How is Caroline, Max, Otto?')).toStrictEqual([
      '?by:ben',
      '?to:zoë',
    ]);
    expect(speakerMarkers('?by:ben ?to:zoë')).toStrictEqual([]);
    const isMarker = (term: string) => /^\?./u.test(term);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (content, role) => {
        const text = `?by:ben ${content} by:ben`;
        expect(termsOf({ role, content: text }).filter(isMarker)).toStrictEqual([]);
      }),
    );
  });

  it('are found at its beginning only', () => {
    expect(speakerMarkers(`${'It rains and rains. '.repeat(10)}Hey Zoë! Hello`)).toStrictEqual([]);
  });
});
