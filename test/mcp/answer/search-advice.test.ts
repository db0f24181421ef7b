import { describe, expect, it } from 'vitest';
import { searchAdvice } from '../../../src/mcp/answer/search-advice.ts';
import type { SearchNote } from '../../../src/services/search/note.ts';

/** What the advice of a note names: what was left out, and how to get at it. */
const NAMED: {
  [Kind in SearchNote['kind']]: [Extract<SearchNote, { kind: Kind }>, string[]][];
} = {
  no_terms: [[{ kind: 'no_terms' }, ['nothing to look for', 'Use words']]],
  words_omitted: [
    [
      { kind: 'words_omitted', searched: 32, omitted: 5 },
      ['first 32 words', '5 were not', 'shorter'],
    ],
  ],
  messages_omitted: [
    [{ kind: 'messages_omitted', ranked_per_word: 250 }, ['newest 250', 'next_cursor', 'user_id']],
  ],
  similar_words: [
    [
      { kind: 'similar_words', how: 'beginning', words: ['ab', 'ac'] },
      ['begin like', '"ab", "ac"'],
    ],
    [{ kind: 'similar_words', how: 'spelling', words: ['ab'] }, ['spelled nearly', '"ab"']],
  ],
  hits_outside: [
    [
      { kind: 'hits_outside', of: 'time', messages: 2, nearest: '2100-01-01T00:00:00.000Z' },
      ['without since and until', '2 messages have', '2100-01-01T00:00:00.000Z'],
    ],
    [{ kind: 'hits_outside', of: 'roles', messages: 1 }, ['without roles', '1 message has']],
  ],
  words_only: [[{ kind: 'words_only' }, ['other words']]],
  reanalysis: [[{ kind: 'reanalysis' }, ['indexed anew', 'may be missing', 'later']]],
  embeddings_unavailable: [
    [{ kind: 'embeddings_unavailable', problem: 'unreachable' }, ['cannot be reached', 'later']],
    [{ kind: 'embeddings_unavailable', problem: 'timeout' }, ['in time']],
    [{ kind: 'embeddings_unavailable', problem: 'overloaded' }, ['too much to do']],
    [{ kind: 'embeddings_unavailable', problem: 'failing' }, ['fails']],
    [{ kind: 'embeddings_unavailable', problem: 'unauthorized' }, ['API key']],
    [{ kind: 'embeddings_unavailable', problem: 'misconfigured' }, ['model']],
    [{ kind: 'embeddings_unavailable', problem: 'refused' }, ['refuses the query']],
    [{ kind: 'embeddings_unavailable', problem: 'invalid_answer' }, ['no vector']],
  ],
  other_model: [[{ kind: 'other_model', messages: 7 }, ['7 messages', 'mcp-sessions embed']]],
  vectors_omitted: [[{ kind: 'vectors_omitted', compared: 5000 }, ['newest 5000']]],
};

const NOTES: [kind: string, note: SearchNote, named: string[]][] = Object.values(NAMED).flatMap(
  (examples: [SearchNote, string[]][]) =>
    examples.map(([note, named]): (typeof NOTES)[number] => [note.kind, note, named]),
);

describe('the advice of a search', () => {
  it('is none if everything was looked at', () => {
    expect(searchAdvice([], () => true)).toBeUndefined();
  });

  it.each(NOTES)('on %s says what was left out', (_, note, named) => {
    const advice = searchAdvice([note], () => true);
    for (const part of named) expect(advice).toContain(part);
    expect(advice).toMatch(/^[A-Z0-9].*\.$/);
    expect(advice).not.toMatch(/undefined|\[object/);
  });

  it('joins what there is to say of several notes, in their order', () => {
    const notes = NOTES.map(([, note]) => note);
    expect(searchAdvice(notes, () => true)).toBe(
      notes.map((note) => searchAdvice([note], () => true)).join(' '),
    );
  });
});
