/** A syllable before particles, or before forms of the copula, and nothing else. */
const STEM =
  /^(\p{Script=Hangul})(?:을|를|이|가|은|는|에|의|와|과|도|로|으로|만|까지|부터|에서|에게|께|께서|한테|처럼|보다|이나|나|라도|이라도|마다|밖에|조차|이랑|랑|하고|들|이다|입니다|이에요|예요|이야|야|인데|이고|이며|였다|이었다|였어요|이었어요|인가요|일까요){1,3}$/u;

/** The one-syllable word that a Korean word begins with, if particles follow it. */
export const stemOfHangul = (word: string) => STEM.exec(word)?.[1];
