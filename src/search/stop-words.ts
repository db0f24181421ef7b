/**
 * English stop words. They are removed from questions only, never from the index, and only if the
 * question is in English: `was`, `by` and `die` carry meaning in other languages.
 */

/** Words that hardly any other language has: one of them makes a question English. */
const ENGLISH = words(`
  about after again all and any are aren't because been before being below between both but can't
  cannot could couldn't did didn't does doesn't doing don't down during each few from further hadn't
  hasn't haven't having he'd he'll he's here's herself himself how how's i'd i'll i'm i've isn't it's
  itself let's most mustn't my myself other ought our ours ourselves out shan't she she'd she'll
  she's should shouldn't some such than that that's the their theirs them themselves then there
  there's these they they'd they'll they're they've this those through too until very wasn't we we'd
  we'll we're we've were weren't what what's when when's where where's which while who who's whom why
  why's with won't would wouldn't you you'd you'll you're you've your yours yourself yourselves`);

/** Stop words that other languages share. */
const SHARED = words(`
  a am an as at be by can do for had has have he her here hers him his i if in into is it me more no
  nor not of off on once only or over own same so to under up was`);

/** Whether one of the lower-case words makes a question English. */
export const isEnglish = (question: readonly string[]) =>
  question.some((word) => ENGLISH.has(word));

/** Removes the stop words from an English question; keeps all words if none would be left. */
export function withoutStopWords(question: readonly string[]): readonly string[] {
  if (!isEnglish(question)) return question;
  const remaining = question.filter((word) => !ENGLISH.has(word) && !SHARED.has(word));
  return remaining.length > 0 ? remaining : question;
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
