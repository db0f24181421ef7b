import { describe, expect, it } from 'vitest';
import {
  ANSWER_JSON_SCHEMA,
  type AnswerProblem,
  checkAnswer,
} from '../../../src/services/extraction/answer.ts';

const ASKED = { messages: 3, known_facts: 2, entities: ['Lisbon'] };

const LIVES = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon.' },
  ...{ valid_at: '2026-05', invalid_at: null, messages: [1, 3, 3], contradicts: [2] },
};
const answer = (...facts: object[]) => ({ entities: [{ name: 'Ada' }], facts });
const check = (given: unknown) => checkAnswer(JSON.stringify(given), ASKED);

describe('an answer of a model', () => {
  it('is read with places instead of numbers, and times in the form of the records', () => {
    expect(check(answer(LIVES))).toStrictEqual({
      facts: [
        {
          ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon' },
          ...{ fact: 'Ada lives in Lisbon.', valid_at: '2026-05-01T00:00:00.000Z' },
          ...{ messages: [0, 2], contradicts: [1] },
        },
      ],
      entities: [],
    });
  });

  it('may have no facts, and fields that nobody asked for', () => {
    expect(check({ entities: [], facts: [], confidence: 1 })).toStrictEqual({
      ...{ facts: [], entities: [] },
    });
  });

  it('has what it says of entities, and leaves out those of which it says nothing', () => {
    const entities = [
      { name: 'Ada', labels: ['Person'], summary: null },
      { name: 'Porto', labels: [], summary: 'A city.' },
      { name: 'tea', labels: [], summary: '' },
    ];
    expect(check({ entities, facts: [] })).toStrictEqual({
      facts: [],
      entities: [
        { name: 'Ada', labels: ['Person'] },
        { name: 'Porto', summary: 'A city.' },
      ],
    });
  });

  it('may leave out what it could say null for', () => {
    const { valid_at, invalid_at, contradicts, ...rest } = LIVES;
    expect(check(answer(rest))).toMatchObject({ facts: [{ contradicts: [] }] });
  });

  it('names entities in any form of their names', () => {
    expect(check(answer({ ...LIVES, subject: ' "ADA" ' }))).toHaveProperty('facts');
  });

  it.each<[string, AnswerProblem, unknown]>([
    ['a list', 'wrong_form', []],
    ['null', 'wrong_form', null],
    ['without facts', 'wrong_form', { entities: [] }],
    [
      'with a label that is no text',
      'wrong_form',
      { entities: [{ name: 'A', labels: [1] }], facts: [] },
    ],
    [
      'with too long a summary',
      'wrong_form',
      { entities: [{ name: 'A', summary: 'x'.repeat(100_000) }], facts: [] },
    ],
    ['with a fact that is a text', 'wrong_form', answer('Ada lives in Lisbon.' as never)],
    ['with an empty sentence', 'wrong_form', answer({ ...LIVES, fact: ' ' })],
    ['with too long a sentence', 'wrong_form', answer({ ...LIVES, fact: 'x'.repeat(3000) })],
    ['with too long a name', 'wrong_form', answer({ ...LIVES, object: 'x'.repeat(300) })],
    [
      'with a name of a character that no text has',
      'wrong_form',
      answer({ ...LIVES, subject: '\u0000' }),
    ],
    ['with too many facts', 'wrong_form', answer(...Array(101).fill(LIVES))],
    ['with a time that is none', 'wrong_form', answer({ ...LIVES, valid_at: 'last summer' })],
    ['with a day that there is not', 'wrong_form', answer({ ...LIVES, invalid_at: '2026-02-31' })],
    ['with a fact that no message says', 'wrong_form', answer({ ...LIVES, messages: [] })],
    ['with a number that is none', 'wrong_form', answer({ ...LIVES, messages: ['1'] })],
    ['with half a message', 'wrong_form', answer({ ...LIVES, messages: [1.5] })],
    ['with message 0', 'unknown_message', answer({ ...LIVES, messages: [0] })],
    ['with message 4 of 3', 'unknown_message', answer({ ...LIVES, messages: [1, 4] })],
    ['with known fact 3 of 2', 'unknown_fact', answer({ ...LIVES, contradicts: [3] })],
    ['with a subject in no list', 'unknown_entity', answer({ ...LIVES, subject: 'Bob' })],
    ['with an object in no list', 'unknown_entity', answer({ ...LIVES, object: 'Porto' })],
    ['that ends before it begins', 'times_reversed', answer({ ...LIVES, invalid_at: '2025-01' })],
    ['with one wrong fact of two', 'unknown_message', answer(LIVES, { ...LIVES, messages: [9] })],
  ])('%s is wrong as a whole: %s', (_, problem, given) => {
    expect(check(given)).toStrictEqual({ problem });
  });

  it.each<[string | undefined, AnswerProblem]>([
    [undefined, 'incomplete'],
    ['', 'not_json'],
    ['{"entities":[],"fac', 'not_json'],
    ['I am sorry, I cannot.', 'not_json'],
    ['<html>', 'not_json'],
  ])('that is %j is wrong: %s', (text, problem) => {
    expect(checkAnswer(text, ASKED)).toStrictEqual({ problem });
  });
});

it('the schema requires every field of every object, as strict servers do', () => {
  const objects: { required: string[]; properties: object; additionalProperties: boolean }[] = [];
  const visit = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    if ('properties' in node) objects.push(node as (typeof objects)[number]);
    Object.values(node).forEach(visit);
  };
  visit(ANSWER_JSON_SCHEMA);
  expect(objects).toHaveLength(3);
  for (const { required, properties, additionalProperties } of objects) {
    expect(required).toStrictEqual(Object.keys(properties));
    expect(additionalProperties).toBe(false);
  }
});
