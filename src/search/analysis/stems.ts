import { stemmer as stemEnglish } from '@orama/stemmers/english';
import { stemmer as stemFrench } from '@orama/stemmers/french';
import { stemmer as stemGerman } from '@orama/stemmers/german';
import { stemmer as stemItalian } from '@orama/stemmers/italian';
import { stemmer as stemPortuguese } from '@orama/stemmers/portuguese';
import { stemmer as stemRussian } from '@orama/stemmers/russian';
import { stemmer as stemSpanish } from '@orama/stemmers/spanish';
import { fold } from './fold.ts';
import type { Language } from './languages.ts';

const LATIN_LETTERS = /^[a-z]+$/;
const CYRILLIC = /^\p{Script=Cyrillic}/u;

/** Plurals that the stemmers keep apart from their singulars. */
const PLURALS: Readonly<Partial<Record<Language, readonly [RegExp, string][]>>> = {
  es: [[/ces$/u, 'z']],
  pt: [
    [/(?:õe|ãe|ão|oe)s$/u, 'ão'],
    [/ais$/u, 'al'],
    [/[ée]is$/u, 'el'],
    [/óis$/u, 'ol'],
  ],
};

const STEMMERS: Readonly<Record<Exclude<Language, 'en'>, (word: string) => string>> = {
  de: stemGerman,
  es: stemSpanish,
  fr: stemFrench,
  it: stemItalian,
  pt: stemPortuguese,
};

/**
 * The letters that no suffix ends with which a stemmer removes. A word that ends with one is its own stem.
 * A question in an unknown language is stemmed in each, and most of these calls would change nothing.
 */
const NO_ENDING: Readonly<Record<Exclude<Language, 'en'>, string>> = {
  de: 'abcfijlopquvwxyz',
  es: 'bcfghijklmpqtuvwxyz',
  fr: 'bcdghjkmopquvwy',
  it: 'bcdfgjklmnpqstuvwxyz',
  pt: 'bcdfghjknpqtvwxyz',
};

/**
 * The term of a lower-case word that is taken for an English one, whatever its language, or for a
 * Russian one if its letters are Cyrillic. A message always has it, so that a question of one word,
 * which has no language, finds it.
 */
export function commonStem(folded: string): string {
  if (LATIN_LETTERS.test(folded)) return stemEnglish(folded);
  return CYRILLIC.test(folded) ? russianStem(folded) : folded;
}

/** Of a short stem hardly anything is left: then a word only loses its last vowel. */
function russianStem(word: string): string {
  const stem = stemRussian(word);
  return stem.length >= 3 ? stem : word.replace(/(?<=...)[аяоеыиуюьй]$/u, '');
}

/**
 * The folded stems of a lower-case word with its accents. An Italian noun that the stemmer takes for a
 * verb, such as `chiavi`, also has that of a noun.
 */
export function stemsIn(language: Exclude<Language, 'en'>, word: string): string[] {
  if (NO_ENDING[language].includes(word.slice(-1))) return [fold(word)];
  const plurals = PLURALS[language] ?? [];
  const singular = plurals.reduce((form, [plural, ending]) => form.replace(plural, ending), word);
  const stem = fold(STEMMERS[language](singular));
  const noun = language === 'it' ? fold(word).replace(/h?[aeio]$/, '') : stem;
  return noun.length > stem.length + 1 ? [stem, noun] : [stem];
}
