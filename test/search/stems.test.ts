import { stemmer as stemFrench } from '@orama/stemmers/french';
import { stemmer as stemGerman } from '@orama/stemmers/german';
import { stemmer as stemItalian } from '@orama/stemmers/italian';
import { stemmer as stemPortuguese } from '@orama/stemmers/portuguese';
import { stemmer as stemSpanish } from '@orama/stemmers/spanish';
import { describe, expect, test } from 'vitest';
import { fold } from '../../src/search/analysis/fold.ts';
import { stemsIn } from '../../src/search/analysis/stems.ts';

const STEMMERS = {
  de: stemGerman,
  es: stemSpanish,
  fr: stemFrench,
  it: stemItalian,
  pt: stemPortuguese,
} as const;

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];

/** Words with every ending of three letters, behind the beginnings of a short word and of a long one. */
const WORDS = ['ba', 'kontrino'].flatMap((start) =>
  LETTERS.flatMap((a) => LETTERS.flatMap((b) => LETTERS.map((c) => start + a + b + c))),
);

describe('stemsIn', () => {
  test.each(Object.entries(STEMMERS))(
    'has the stem of the stemmer in %s, whatever a word ends with',
    (name, stemmer) => {
      const language = name as keyof typeof STEMMERS;
      // A plural that the stemmer keeps apart from its singular is told apart before.
      const words = WORDS.filter((word) => !/(?:[oã]es|ces|ais|eis)$/.test(word));
      const different = words.filter((word) => stemsIn(language, word)[0] !== fold(stemmer(word)));
      expect(different).toEqual([]);
    },
  );
});
