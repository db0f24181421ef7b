import { isAscii } from '../normalizer.ts';

/** Languages written in Latin letters that have a stemmer. */
export const LANGUAGES = ['en', 'de', 'es', 'fr', 'it', 'pt'] as const;

export type Language = (typeof LANGUAGES)[number];

/** Frequent words of each language, with accents. */
const FREQUENT: Readonly<Record<Language, string>> = {
  en: `the a an and or but of to in on at by for with from is are was were be been am it its this that
    these those i you he she we they my your his her our their me him us them not no do does did have
    has had will would can could should what which who when where why how there here just so if then
    about as all some any more than too very into out up down over after before again please`,
  de: `der die das den dem des ein eine einen einem einer eines und oder aber ist sind war waren wird
    werden wurde hat haben hatte nicht kein keine mit für auf von vom zu zum zur im am bei beim nach aus
    an in wie was wer wo wann warum ich du er sie es wir ihr mein meine dein deine sein seine unser
    unsere noch schon auch nur sehr bitte dass wenn weil über unter vor bis durch gegen ohne um als
    diese dieser dieses alle kann können muss soll sich uns mir mich`,
  es: `el la los las un una unos unas y o pero de del al a en con por para sin sobre es son era fue ser
    está están hay ha han he no sí se lo le les me te nos mi mis tu tus su sus que qué como cómo cuando
    cuándo donde dónde quién cuál este esta esto ese esa muy más ya también porque hasta desde entre
    nuestro nuestra todo todos quiero tengo tiene`,
  fr: `le la les un une des du de d et ou mais est sont était être a ont avait pas ne n en dans sur
    sous avec sans pour par au aux à ce cet cette ces c il elle on nous vous ils elles je j tu me m te
    se s que qui qu quoi où quand comment pourquoi mon ma mes ton ta son sa ses notre nos votre vos
    leur leurs plus très encore aussi déjà bien l y`,
  it: `il lo la i gli le un uno una e ed o ma di del dello della dei degli delle a al allo alla ai agli
    alle da dal dalla in nel nello nella nei nelle con su sul sulla per tra fra è sono era erano essere
    ha hanno ho non si mi ti ci vi che chi cosa come quando dove perché quale questo questa questi
    quello quella molto più anche già ancora mio mia tuo tua suo sua nostro nostra abbiamo qui`,
  pt: `o a os as um uma uns umas e ou mas de do da dos das em no na nos nas ao à aos às com por pelo
    pela para sem sobre é são era foi ser está estão há tem têm não sim se lhe me te que quem como
    quando onde qual este esta isto esse essa isso muito mais já também porque até meu minha teu tua
    seu sua nosso nossa todo todos você eu ele ela nós eles temos`,
};

/** Letters and marks that hardly any other of the languages has. */
const SIGNS: readonly [RegExp, Language][] = [
  [/[äöüß]/u, 'de'],
  [/[ñ¿¡]/u, 'es'],
  [/[ãõ]/u, 'pt'],
  [/[êèçœîû]/u, 'fr'],
];

/** The languages that have a word among their frequent ones, by their places in `LANGUAGES`. */
const frequent = new Map<string, number[]>();
for (const [i, language] of LANGUAGES.entries()) {
  for (const word of new Set(FREQUENT[language].split(/\s+/))) {
    const languages = frequent.get(word);
    if (languages === undefined) frequent.set(word, [i]);
    else languages.push(i);
  }
}

/** The most words that are looked at. */
const WORDS = 100;

/** The weight of a word of one language: an integer, whatever number of languages it is divided by. */
const WEIGHT = 60;

/** Whether a lower-case word is a frequent one of the language, which says nothing about the subject. */
export function isFrequent(word: string, language: Language): boolean {
  return frequent.get(word)?.includes(LANGUAGES.indexOf(language)) === true;
}

/**
 * The language that has most of a text's frequent words; several if they have equally many; none if
 * the text has no such words.
 */
export function languagesOf(words: readonly string[]): Language[] {
  const counts: number[] = LANGUAGES.map(() => 0);
  const add = (i: number, weight: number) => {
    counts[i] = (counts[i] as number) + weight;
  };
  for (const word of words.slice(0, WORDS)) {
    const lower = word.toLowerCase();
    const elided = lower.indexOf("'");
    const languages = frequent.get(elided > 0 ? lower.slice(0, elided) : lower);
    // A word of several languages says less.
    if (languages !== undefined) for (const i of languages) add(i, WEIGHT / languages.length);
    if (isAscii(lower)) continue;
    for (const [sign, language] of SIGNS)
      if (sign.test(lower)) add(LANGUAGES.indexOf(language), WEIGHT);
  }
  const most = Math.max(...counts);
  return most === 0 ? [] : LANGUAGES.filter((_, i) => counts[i] === most);
}
