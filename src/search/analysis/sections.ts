import { plainSections } from '../normalizer.ts';
import { TOKEN } from './token.ts';

/** A word, or several that are joined. */
export interface Token {
  text: string;
  /** One space stands between it and the token before. */
  follows: boolean;
}

/** A piece of a text that no word goes beyond. */
interface Section {
  tokens: Token[];
  /** Whether there may be numbers among them. */
  hasDigits: boolean;
}

const DIGIT = /\d/;

const NOTHING: Section = { tokens: [], hasDigits: false };

/** The tokens of a text in NFKC, section by section. A section is empty where the caller may pause. */
export function* tokensOf(text: string): Generator<Section> {
  for (const section of plainSections(text, { keepCase: true })) {
    if (section === undefined) {
      yield NOTHING;
      continue;
    }
    const hasDigits = DIGIT.test(section);
    if (hasDigits) yield { tokens: spacedTokens(section), hasDigits };
    // Only numbers are looked at together with what stands before them.
    else yield { tokens: (section.match(TOKEN) ?? []).map(apart), hasDigits };
  }
}

const apart = (text: string): Token => ({ text, follows: false });

function spacedTokens(section: string): Token[] {
  const tokens: Token[] = [];
  let end = -2;
  for (const { 0: token, index } of section.matchAll(TOKEN)) {
    tokens.push({ text: token, follows: index === end + 1 && section[end] === ' ' });
    end = index + token.length;
  }
  return tokens;
}
