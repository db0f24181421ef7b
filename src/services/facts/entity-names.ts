import { INVISIBLE } from '../../domain/errors.ts';
import type { User } from '../../domain/records.ts';
import { fold } from '../../search/analysis/fold.ts';

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

const INVISIBLES = new RegExp(INVISIBLE.source, 'gu');

/** Signs that are no part of a name. */
const TRADE_MARKS = /[™®©℠]/gu;

/** Quotation marks and brackets around a name, and what ends a sentence. Others tell names apart: C, C#, C++, .NET. */
const BEFORE = /[\s\p{Ps}\p{Pi}\p{Pf}"'¿¡]/u;
const BEHIND = /[\s\p{Pe}\p{Pi}\p{Pf}"'.,;:!?。、]/u;

/**
 * The form of a name by which it is the same: without case, accents of Latin and Greek letters, repeated
 * white space, and marks around it. A name of marks alone keeps them, so that it is no other one's.
 */
export function nameKey(name: string): string {
  const plain = fold(name.replace(TRADE_MARKS, '').normalize('NFKC').toLowerCase())
    .replace(/[\s_]+/gu, ' ')
    .replace(INVISIBLES, '')
    .trim();
  return withoutMarks(plain) || plain || name;
}

function withoutMarks(text: string): string {
  const characters = [...text];
  let [start, end] = [0, characters.length];
  while (start < end && BEFORE.test(characters[start] as string)) start++;
  while (start < end && BEHIND.test(characters[end - 1] as string)) end--;
  return characters.slice(start, end).join('');
}

/** A name as it is kept: on one line. */
export const shownName = (name: string): string => name.replace(/[\s\p{Cc}]+/gu, ' ').trim();

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

/**
 * Whether two names are nearly the same: the Jaccard similarity of their shingles. Names with other numbers
 * never are: "version 1.1" and "version 1.2" name two things.
 */
export function isSimilarName(a: string, b: string): boolean {
  if (numbersOf(a) !== numbersOf(b)) return false;
  const [one, other] = [shinglesOf(a), shinglesOf(b)];
  const common = [...one].filter((shingle) => other.has(shingle)).length;
  return common / (one.size + other.size - common) >= SIMILARITY_MIN;
}

const numbersOf = (key: string) => (key.match(/\p{N}+/gu) ?? []).join(' ');

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

/** The name of the entity that stands for a user. */
export const nameOfUser = ({ first_name = '', last_name = '', user_id }: User): string =>
  `${first_name} ${last_name}`.trim() || user_id;
