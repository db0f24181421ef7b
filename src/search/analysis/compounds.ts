/** Words of fewer letters are not taken apart. */
const MIN_LENGTH = 9;

/** The letters that a part has at least. */
const MIN_PART = 4;

/** The most places at which a word is taken apart. */
const MAX_CUTS = 6;

/** How the last part of a compound begins: as German words do. */
const BEGINNING =
  /^(?:(?:[bdfghjklmnprtvwz]|bl|br|dr|fl|fr|gl|gn|gr|kl|kn|kr|pf|pfl|pl|pr|qu|sch[lmnrw]?|sp|spr|st|str|tr|zw|s)[aeiouyäöü]|a[bnu]|ein|um|un|ü[bc]|ur|end|ent|erb|erk|erf|erz|amt|arbei|arzt|art|akt|alt|adres|ort|uhr|obe|obs|öl|ofe|eis|ost|aut|ins|inf|int|ind|obj|all)/u;

/** Endings that are no words, as `rechn|ung` has one. */
const ENDING =
  /^(?:[^aeiouyäöü]{0,3}ung(?:s|en|$)|keit|heit|schaft|lich|los|bar|haft|sam|[lrt]?ation|[st]ion|ment|chen|lein|tum|nis|ling|mäßig|ier|isch|ter[ns]?$|[tgbdsnrl]en|[gnlbd]er|ste[nr]?$)/u;

/** A prefix that belongs to the last part. */
const PREFIX = /(?<!ser)ver$/u;

/** How the first part ends, from its last vowel on. */
const END =
  /[aeiouyäöü](?:[bdfgklmnprstzx]|ch|chs|cht|chts|ck|ft|fts|gs|hl|hn|hr|ht|hts|kt|lb|ld|lf|lk|ll|lm|ls|lt|lz|mm|mpf|ms|mt|nd|nds|nf|nft|ng|ngs|nk|nn|ns|nsch|nst|nt|nz|pf|pp|pt|rb|rch|rd|rf|rg|rk|rm|rn|rs|rst|rt|rts|rz|rzt|rzts|sch|ss|ß|st|sts|ts|tt|tz|bs|hrs|hts|xt)$|[^aeiouyäöü]e$|^[^aeiouyäöü]*[aeiouyäöü]+[^aeiouyäöü]?[^aeiouyäöü]?[aiou]$/u;

/** A letter between two parts, which belongs to neither. */
const LINK = /(?<=ung|heit|keit|schaft|tät|ion|[bdfgklmnpt])s$/u;

/**
 * The words that a German compound may be made of: what stands before and behind each place where one
 * word may end and another begin. Without a dictionary, some are no words; nobody asks for those.
 *
 * @param word in lower case, with its umlauts
 */
export function partsOfCompound(word: string): string[] {
  const parts: string[] = [];
  if (word.length < MIN_LENGTH) return parts;
  for (let at = MIN_PART, cuts = 0; at <= word.length - MIN_PART && cuts < MAX_CUTS; at++) {
    const [first, last] = [word.slice(0, at), word.slice(at)];
    if (!BEGINNING.test(last) || ENDING.test(last)) continue;
    if (!END.test(first) || PREFIX.test(first)) continue;
    parts.push(first.replace(LINK, ''), last);
    cuts++;
  }
  return parts;
}
