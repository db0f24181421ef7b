import { canonicalRole } from '../domain/roles.ts';
import { isUnspaced } from './analysis/unspaced.ts';
import type { Candidate } from './candidate.ts';
import { isAscii } from './normalizer.ts';

/**
 * The markers of a message for those who speak in it, followed by a name in lower case. No word begins with a
 * question mark, so that none can be taken for a marker.
 */
const SPEAKER_MARKER = '?by:';
const ADDRESSEE_MARKER = '?to:';

/** How far into a message its markers are looked for, in UTF-16 code units. */
const HEAD_LENGTH = 120;

/** `Caroline: I went there`, as transcripts have it. */
const SPEAKER = /^\s*(\p{Lu}[\p{L}\p{M}]{0,30})(?:\s\p{Lu}[\p{L}\p{M}]{0,30}){0,2}:\s/u;

const GREETINGS =
  `hey,hi,hello,dear,thanks,thank you,yes,yeah,no,oh,wow,sorry,sure,ok,okay,bye,congrats,
  congratulations,good morning,good evening,good night,hallo,danke,liebe,lieber,hola,gracias,bonjour,salut,
  merci,ciao,grazie,olá,obrigado`
    .split(',')
    .map((greeting) => greeting.trim())
    .join('|');

/** `Hey Caroline!` and `That is good, Caroline.`: a name between a greeting, or a comma, and a mark. */
const ADDRESSEE = new RegExp(
  `^\\s*(?:(?:${GREETINGS})[,!.]?\\s+|[^,.!?\\n]{1,40},\\s+)(\\p{L}[\\p{L}\\p{M}]{0,30})[,!.?]`,
  'iu',
);
const CAPITAL = /^\p{Lu}/u;
const FIRST_WORD = /[\p{L}\p{M}]+/u;
const WORDS = /[\p{L}\p{M}]+/gu;
const ASCII_WORD = /[a-z]+/g;

/** An addressee is one if that many messages say so, nearly all of them by one speaker. */
const ADDRESSED = { least: 2, share: 0.9 };

/** The user or the assistant, where a question says "I" or "you". */
const FIRST_PERSON = /\b(?:i|i'm|i've|i'd|i'll|my|me|mine|myself|we|our)\b/i;
const SECOND_PERSON = /\b(?:you|you've|you'd|you're|your|yours)\b/i;

/** What a question begins with that asks whoever answers it, and not who said something. */
const PREAMBLE =
  /^\s*(?:(?:please|hey|hi),?\s+)*(?:(?:can|could|would|will|do) you (?:please )?(?:remember|recall|know|remind me|tell me|find|say)(?: of| about)?|remind me|tell me)\b/i;

/** The markers of a message: who says it, if its text begins with a name, and whom it addresses by name. */
export function speakerMarkers(content: string): string[] {
  const head = content.slice(0, HEAD_LENGTH);
  const prefix = SPEAKER.exec(head);
  const name = ADDRESSEE.exec(head.slice(prefix?.[0].length ?? 0))?.[1];
  return [
    ...(prefix === null ? [] : [SPEAKER_MARKER + keyOf(prefix[1] as string)]),
    ...(name !== undefined && CAPITAL.test(name) ? [ADDRESSEE_MARKER + keyOf(name)] : []),
  ];
}

/** The markers that tell whom a question names. */
export function askedMarkers(question: string): string[] {
  return [...wordsOf(question)].flatMap((word) => [SPEAKER_MARKER + word, ADDRESSEE_MARKER + word]);
}

/** Whether a message is by the speaker that a question asks about: 1, or by another: -1; 0 if unknown. */
export type SpeakerFit = (candidate: Candidate) => -1 | 0 | 1;

/**
 * Finds out whose words a question asks for: those of the only speaker that it names, by role or as others
 * address them, or those of the user ("what did I say?") or the assistant ("what did you suggest?").
 */
export function speakerFit(question: string, candidates: readonly Candidate[]): SpeakerFit {
  const words = wordsOf(question);
  if (words.size === 0) return () => 0;
  const byRole = new Map<string, string>();
  const speakers = new Map(candidates.map((one) => [one, speakerOf(one, byRole)]));
  const known = new Set(speakers.values());
  const isNamed = (name: string) =>
    words.has(name) || (isUnspaced(name) && question.includes(name));
  const named = [...known].filter(isNamed);
  const addressed = addressees(speakers).filter(
    ({ name }) => words.has(name) && !named.includes(name),
  );
  if (named.length + addressed.length > 1) return () => 0;
  const [addressee] = addressed;
  if (addressee !== undefined) return (one) => (speakers.get(one) === addressee.by ? -1 : 1);
  const [asked = pronounSpeaker(question)] = named;
  if (asked === undefined || !known.has(asked)) return () => 0;
  return (one) => (speakers.get(one) === asked ? 1 : -1);
}

/** The names by which one speaker, and nobody else, addresses others. */
function addressees(speakers: ReadonlyMap<Candidate, string>): { name: string; by: string }[] {
  const counts = new Map<string, Map<string, number>>();
  for (const [{ matched }, speaker] of speakers) {
    const marker = matched.find((term) => term.startsWith(ADDRESSEE_MARKER));
    if (marker === undefined) continue;
    const name = marker.slice(ADDRESSEE_MARKER.length);
    const bySpeaker = counts.get(name) ?? new Map<string, number>();
    bySpeaker.set(speaker, (bySpeaker.get(speaker) ?? 0) + 1);
    counts.set(name, bySpeaker);
  }
  return [...counts].flatMap(([name, bySpeaker]) => {
    const total = [...bySpeaker.values()].reduce((sum, count) => sum + count, 0);
    const most = [...bySpeaker].find(([, count]) => count >= ADDRESSED.share * total);
    return most !== undefined && total >= ADDRESSED.least ? [{ name, by: most[0] }] : [];
  });
}

/**
 * The name in front of a message's text, or its role: the first word, as people are asked about.
 *
 * @param byRole the speakers of roles, as far as they are known
 */
function speakerOf({ role, matched }: Candidate, byRole: Map<string, string>): string {
  const marker = matched.find((term) => term.startsWith(SPEAKER_MARKER));
  if (marker !== undefined) return marker.slice(SPEAKER_MARKER.length);
  let speaker = byRole.get(role);
  if (speaker === undefined) {
    speaker = keyOf(FIRST_WORD.exec(canonicalRole(role))?.[0] ?? '');
    byRole.set(role, speaker);
  }
  return speaker;
}

function pronounSpeaker(question: string): string | undefined {
  const asked = question.replaceAll('’', "'").replace(PREAMBLE, '');
  const first = FIRST_PERSON.exec(asked)?.index ?? Number.POSITIVE_INFINITY;
  const second = SECOND_PERSON.exec(asked)?.index ?? Number.POSITIVE_INFINITY;
  if (first === second) return undefined;
  return first < second ? 'user' : 'assistant';
}

const wordsOf = (text: string) =>
  new Set(
    isAscii(text) ? text.toLowerCase().match(ASCII_WORD) : (text.match(WORDS) ?? []).map(keyOf),
  );

const keyOf = (name: string) => (isAscii(name) ? name : name.normalize('NFKC')).toLowerCase();
