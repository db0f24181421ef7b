import { describe, expect, it } from 'vitest';
import {
  bandsOf,
  isSimilarName,
  nameKey,
  shownName,
} from '../../../src/services/facts/entity-names.ts';

describe('the key of a name', () => {
  it.each([
    ['case', 'ADA Lovelace', 'ada lovelace'],
    ['white space', '  Ada \t\n Lovelace ', 'ada lovelace'],
    ['an underscore for a space', 'LIVES_IN', 'lives in'],
    ['accents of Latin letters', 'São Tomé, Łódź', 'sao tome, lodz'],
    ['accents of Greek letters', 'Αθήνα', 'αθηνα'],
    ['the width of letters', 'Ａｃｍｅ', 'acme'],
    ['quotation marks, brackets and the end of a sentence', '«"Acme Inc."»!', 'acme inc'],
    ['trade marks', 'Acme™', 'acme'],
    ['invisible characters', 'Ac\u00adme\u200b', 'acme'],
  ])('is without %s', (_, name, key) => {
    expect(nameKey(name)).toBe(key);
  });

  it.each([
    ['C', 'C#', 'C++', 'C*'],
    ['NET', '.NET', '#net', '@net', '$net'],
    ['50', '50%', '-50', '+50'],
    ['!!!', '???', '!?', '!', '-', '…', '👍', '👎'],
    ['Бой', 'Бои'],
    ['ガラス', 'カラス'],
    ['कुल', 'कल'],
    ['กี', 'กิ', 'ก'],
  ])('tells apart %s, %s and the like', (...names) => {
    const keys = names.map(nameKey);
    expect(new Set(keys).size).toBe(names.length);
    for (const key of keys) expect(key).not.toBe('');
  });

  it('is found in a moment for a long text of marks', () => {
    const text = `${'!'.repeat(100_000)}a${'?'.repeat(100_000)}`;
    expect(nameKey(text)).toHaveLength(100_001);
  });
});

describe('names that are nearly the same', () => {
  const similar = (a: string, b: string) => isSimilarName(nameKey(a), nameKey(b));

  it('are those that differ in a letter of many', () => {
    const long = 'The International Association of Lighthouse Authorities';
    expect(similar(long, long.slice(0, -1))).toBe(true);
    expect(similar(long, long.replace('Lighthouse', 'Warehouse'))).toBe(false);
    expect(similar('Acme', 'Acne')).toBe(false);
  });

  it('are not those with other numbers', () => {
    const ticket = 'https://tracker.example.org/projects/lighthouse/tickets/';
    expect(similar(`${ticket}12345`, `${ticket}12346`)).toBe(false);
    expect(similar(`${ticket}12345/`, `${ticket}12345x`)).toBe(true);
  });

  it('share a band of their hashes, and names that say too little have none', () => {
    const long = nameKey('The International Association of Lighthouse Authorities');
    const shared = bandsOf(long).filter((band) => bandsOf(long.slice(0, -1)).includes(band));
    expect(shared.length).toBeGreaterThan(0);
    expect(bandsOf(nameKey('aaaa'))).toStrictEqual([]);
    expect(bandsOf(nameKey('!!!'))).toStrictEqual([]);
  });
});

it('a name is kept on one line, and otherwise as it is given', () => {
  expect(shownName(' Ada\r\n\tLovelace\u0007 (1815–1852) ')).toBe('Ada Lovelace (1815–1852)');
});
