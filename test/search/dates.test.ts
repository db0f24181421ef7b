import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeFit } from '../../src/search/dates.ts';

const NOW = Date.parse('2023-08-16T12:00:00Z');

/** How well messages of some days fit a question; the oldest is of 2021. */
function fits(question: string, days: string[], now = NOW): number[] {
  const messages = ['2021-03-03', ...days].map((day) => ({ created_at: Date.parse(day) }));
  const fitOf = timeFit(question, messages, now);
  return days.map((day) => fitOf(Date.parse(day)));
}

describe('a message fits a question', () => {
  it.each([
    ['What happened on 7 May 2023?'],
    ['What happened on May 7, 2023?'],
    ['what happened on the 7th of May 2023'],
    ['On May 7th 2023?'],
    ['7. May 2023'],
    ['since 2023-05-07'],
    ['2023/5/7'],
  ])('by the day: %s', (question) => {
    const days = ['2023-05-07T23:59:59Z', '2023-05-08', '2023-05-14', '2023-05-06', '2022-05-07'];
    expect(fits(question, days)).toStrictEqual([1, 0.5, 0.5, 0.2, 0]);
  });

  it('by the month, in every year if none is named', () => {
    const days = ['2023-05-31', '2022-05-01', '2022-06-15', '2022-03-01'];
    expect(fits('What did she paint in May 2023?', days)).toStrictEqual([1, 0, 0, 0]);
    expect(fits('What did she paint in May?', days)).toStrictEqual([1, 1, 0.5, 0.2]);
    expect(fits('what was in december', ['2022-12-24'])).toStrictEqual([1]);
    expect(fits('in 2023-05', days)).toStrictEqual([1, 0, 0, 0]);
  });

  it('by the year', () => {
    expect(fits('How often in 2022?', ['2022-01-01', '2022-12-31', '2023-06-01'])).toStrictEqual([
      ...[1, 1, 0],
    ]);
  });

  it('by the time before now', () => {
    expect(fits('What did I eat yesterday?', ['2023-08-15', '2023-08-16'])).toStrictEqual([1, 0.5]);
    expect(fits('What was last week?', ['2023-08-08', '2023-07-20'])).toStrictEqual([1, 0.2]);
    expect(fits('Who came two months ago?', ['2023-06-15', '2023-08-10'])).toStrictEqual([1, 0.2]);
    expect(fits('Who came last Friday?', ['2023-08-11', '2023-08-10'])).toStrictEqual([1, 0.2]);
    expect(fits('Where are we this month?', ['2023-08-01', '2023-06-10'])).toStrictEqual([1, 0.2]);
  });

  it('by the time before the newest message, if that is older', () => {
    const later = Date.parse('2026-11-27');
    expect(fits('What was last week?', ['2023-08-16', '2023-08-08'], later)[1]).toBe(1);
  });

  it('neither more nor less if no time is named', () => {
    for (const question of [
      '',
      'It may rain',
      'marching on',
      'What is 7?',
      'room 1234',
      'a 5-3-2',
    ]) {
      expect(fits(question, ['2023-05-07'])).toStrictEqual([0]);
    }
  });

  it('from 0 to 1, whatever is asked', () => {
    const word = fc.constantFrom(
      'May',
      '31',
      '99',
      '2023',
      '-',
      'last',
      '0000-00-00',
      '2023-99-99',
    );
    fc.assert(
      fc.property(fc.array(word), fc.date({ noInvalidDate: true }), (words, date) => {
        const fitOf = timeFit(words.join(' '), [{ created_at: date.getTime() }], NOW);
        const value = fitOf(date.getTime());
        expect(value >= 0 && value <= 1).toBe(true);
      }),
    );
  });
});
