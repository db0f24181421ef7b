/** How the names of entities are compared. */

/** The longest run of characters that is compared as a whole: every three neighbours. */
const SHINGLE_LENGTH = 3;

/** MinHash (Broder, 1997): 32 permutations, in bands of 4, of which one has to be the same. */
const PERMUTATIONS = 32;
const BAND_SIZE = 4;

/** The least share of common shingles of two names of one entity. */
const SIMILARITY_MIN = 0.9;

/** The least entropy of a name, in bits a character: a shorter or plainer one says too little. */
const ENTROPY_MIN = 1.5;

/** The form of a name by which it is the same: without case, accents, white space and marks around it. */
export function nameKey(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{Mn}+/gu, '')
    .toLowerCase()
    .replace(/[\s_]+/gu, ' ')
    .replace(/^[\s\p{P}]+|[\s\p{P}]+$/gu, '');
}

/**
 * The hashes of the bands of a name. Names that are nearly the same share one, as a rule. A name that says
 * too little has none.
 */
export function bandsOf(key: string): string[] {
  if (entropyOf(key) < ENTROPY_MIN) return [];
  const shingles = [...shinglesOf(key)].map(hash);
  const signature = Array.from({ length: PERMUTATIONS }, (_, i) =>
    shingles.reduce((least, one) => Math.min(least, permuted(one, i)), 0xffffffff),
  );
  return Array.from({ length: PERMUTATIONS / BAND_SIZE }, (_, band) => {
    const rows = signature.slice(band * BAND_SIZE, (band + 1) * BAND_SIZE);
    return `${band} ${rows.join(' ')}`;
  });
}

/** Whether two names are nearly the same: the Jaccard similarity of their shingles. */
export function isSimilarName(a: string, b: string): boolean {
  const [one, other] = [shinglesOf(a), shinglesOf(b)];
  const common = [...one].filter((shingle) => other.has(shingle)).length;
  return common / (one.size + other.size - common) >= SIMILARITY_MIN;
}

function shinglesOf(key: string): Set<string> {
  const characters = [...key];
  const count = Math.max(1, characters.length - SHINGLE_LENGTH + 1);
  return new Set(
    Array.from({ length: count }, (_, i) => characters.slice(i, i + SHINGLE_LENGTH).join('')),
  );
}

/** The Shannon entropy of a text, in bits a character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / total) * Math.log2(count / total);
  return entropy;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

/** A hash of a hash, another one for each index: the finalizer of MurmurHash3 over both. */
function permuted(value: number, index: number): number {
  let mixed = value ^ Math.imul(index + 1, 0x9e3779b9);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
